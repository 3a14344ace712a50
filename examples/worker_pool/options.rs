//! What the command line says.

use std::path::PathBuf;

use lexopt::prelude::*;

const HELP: &str = "\
A pool of worker processes that is scraped as one program.

Options:
    --workers N       how many workers [default: 4]
    --listen ADDR     where the workers answer [default: 127.0.0.1:8080]
    --metrics ADDR    where the metrics are served [default: 127.0.0.1:9100]
    --dir DIR         where the workers count; files of an earlier pool in it
                      are removed [default: a new directory, removed at the end]";

pub(crate) struct Options {
    pub(crate) workers: usize,
    pub(crate) listen: String,
    pub(crate) metrics: String,
    pub(crate) dir: Option<PathBuf>,
}

impl Options {
    /// Nothing, if only help was asked for.
    pub(crate) fn parse() -> Result<Option<Self>, lexopt::Error> {
        let mut options = Self {
            workers: 4,
            listen: "127.0.0.1:8080".to_owned(),
            metrics: "127.0.0.1:9100".to_owned(),
            dir: None,
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("workers") => options.workers = parser.value()?.parse()?,
                Long("listen") => options.listen = parser.value()?.string()?,
                Long("metrics") => options.metrics = parser.value()?.string()?,
                Long("dir") => options.dir = Some(parser.value()?.into()),
                Short('h') | Long("help") => {
                    println!("{HELP}");
                    return Ok(None);
                }
                other => return Err(other.unexpected()),
            }
        }
        if options.workers == 0 {
            return Err("a pool needs a worker".into());
        }
        Ok(Some(options))
    }
}
