//! What the command line says.

use std::path::PathBuf;

use lexopt::Arg::{Long, Short, Value};
use lexopt::ValueExt;

const USAGE: &str = "\
usage: narthex-versus [--quick] [--table FILE] [--plots DIR] [ROW]...

Measures narthex beside its peers. Rows are those whose group and name contain
one of the words; without words, all.

  --quick       a hundredth of everything, only to see that it runs
  --table FILE  write the summary into FILE, between its two markers if it has them
  --plots DIR   draw cost against size into DIR, as SVG
";

#[derive(Debug, Default)]
pub struct Args {
    pub quick: bool,
    pub table: Option<PathBuf>,
    pub plots: Option<PathBuf>,
    pub rows: Vec<String>,
}

impl Args {
    /// None if there was only to be said how to use it.
    pub fn parse() -> Result<Option<Self>, lexopt::Error> {
        let mut args = Self::default();
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("quick") => args.quick = true,
                Long("table") => args.table = Some(parser.value()?.into()),
                Long("plots") => args.plots = Some(parser.value()?.into()),
                Long("help") | Short('h') => {
                    print!("{USAGE}");
                    return Ok(None);
                }
                Value(row) => args.rows.push(row.string()?),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(Some(args))
    }
}
