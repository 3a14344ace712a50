//! Reads one source file as tokens: what it imports, and which of its lines are tests.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

/// A source file of the library, without what is compiled for tests alone.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    /// The module that the file is: `["model", "owned"]` for `src/model/owned/mod.rs`.
    pub(crate) module: Vec<String>,
    pub(crate) imports: Vec<Import>,
    /// What `use` gives a name to, and the path behind the name.
    pub(crate) names: HashMap<String, Vec<String>>,
    /// The lines that hold `unsafe`.
    pub(crate) unsafe_lines: Vec<usize>,
    /// The keywords of items, to see whether a file holds code of its own.
    pub(crate) items: Vec<(String, usize)>,
    /// Lines that are neither tests nor behind the last line of the text.
    pub(crate) code_lines: usize,
    /// Child modules that exist for tests alone.
    pub(crate) test_modules: Vec<Vec<String>>,
    pub(crate) is_test: bool,
    /// Why the text could not be read, if it could not.
    pub(crate) error: Option<String>,
}

/// A path that leads to another place of the crate, written in a `use` or in code.
pub(crate) struct Import {
    /// As written, but absolute: without `crate`, `self` and `super`.
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    /// `pub use`, with whatever visibility.
    pub(crate) reexport: bool,
    /// `$crate::…` in a macro, which users expand outside of the crate.
    pub(crate) in_macro: bool,
    /// Written without `crate`, `self` or `super`: a child, a name in scope, or another crate.
    pub(crate) bare: bool,
}

impl Source {
    pub(crate) fn read(path: &str, text: &str) -> Self {
        let mut source = Self {
            path: path.to_owned(),
            text: text.to_owned(),
            module: module_of(path),
            imports: Vec::new(),
            names: HashMap::new(),
            unsafe_lines: Vec::new(),
            items: Vec::new(),
            code_lines: text.lines().count(),
            test_modules: Vec::new(),
            is_test: false,
            error: None,
        };
        match text.parse::<TokenStream>() {
            Ok(tokens) => {
                let module = source.module.clone();
                source.walk(tokens, &module);
            }
            Err(error) => source.error = Some(error.to_string()),
        }
        source
    }

    fn walk(&mut self, tokens: TokenStream, module: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = self.token(&tokens, at, module);
        }
    }

    /// Reads what begins at `at`; the place behind it.
    fn token(&mut self, tokens: &[TokenTree], at: usize, module: &[String]) -> usize {
        match &tokens[at] {
            TokenTree::Punct(punct) if punct.as_char() == '#' => self.attribute(tokens, at, module),
            TokenTree::Group(group) => {
                self.walk(group.stream(), module);
                at + 1
            }
            TokenTree::Ident(ident) => self.ident(tokens, at, ident, module),
            _ => at + 1,
        }
    }

    fn attribute(&mut self, tokens: &[TokenTree], at: usize, module: &[String]) -> usize {
        let inner = is_punct(tokens.get(at + 1), '!');
        let Some(TokenTree::Group(group)) = tokens.get(at + 1 + usize::from(inner)) else {
            return at + 1;
        };
        if !is_for_tests(group) {
            return at + 2 + usize::from(inner);
        }
        if inner {
            self.is_test |= module == self.module;
            return tokens.len();
        }
        let end = end_of_item(tokens, at);
        if let Some(name) = declared_module(&tokens[at..end]) {
            self.test_modules.push([module, &[name]].concat());
        }
        let lines = line(&tokens[at])..=end_line(&tokens[end - 1]);
        self.code_lines -= length(lines);
        end
    }

    fn ident(
        &mut self,
        tokens: &[TokenTree],
        at: usize,
        ident: &Ident,
        module: &[String],
    ) -> usize {
        let name = ident.to_string();
        match name.as_str() {
            "pub" if restricted_to(tokens.get(at + 1)) => at + 2,
            "use" if !is_punct(tokens.get(at + 1), '<') => self.use_item(tokens, at, module),
            "mod" => self.inline_module(tokens, at, module),
            "unsafe" => {
                self.unsafe_lines.push(ident.span().start().line);
                at + 1
            }
            "fn" | "impl" | "struct" | "enum" | "trait" | "static" | "const" | "union" => {
                self.items.push((name, ident.span().start().line));
                at + 1
            }
            _ => self.path(tokens, at, module),
        }
    }

    fn inline_module(&mut self, tokens: &[TokenTree], at: usize, module: &[String]) -> usize {
        if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
            (tokens.get(at + 1), tokens.get(at + 2))
        {
            self.walk(body.stream(), &[module, &[name.to_string()]].concat());
            return at + 3;
        }
        at + 1
    }

    fn use_item(&mut self, tokens: &[TokenTree], at: usize, module: &[String]) -> usize {
        let end = tokens[at..]
            .iter()
            .position(|token| is_punct(Some(token), ';'))
            .map_or(tokens.len(), |length| at + length);
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        let reexport = match before {
            Some(TokenTree::Ident(ident)) => ident == "pub",
            // `pub(crate) use`: `ident` steps over the group, so it must be looked at from behind.
            Some(token) => restricted_to(Some(token)),
            None => false,
        };
        self.use_tree(&tokens[at + 1..end], &[], module, reexport);
        end
    }

    fn use_tree(&mut self, tree: &[TokenTree], head: &[String], module: &[String], reexport: bool) {
        let mut path = head.to_vec();
        let mut alias = None;
        let mut at = 0;
        while let Some(token) = tree.get(at) {
            match token {
                TokenTree::Ident(ident) if ident == "as" => {
                    alias = tree.get(at + 1).map(ToString::to_string);
                    break;
                }
                TokenTree::Ident(ident) => path.push(ident.to_string()),
                TokenTree::Group(group) => {
                    let branches: Vec<TokenTree> = group.stream().into_iter().collect();
                    for branch in branches.split(|token| is_punct(Some(token), ',')) {
                        if !branch.is_empty() {
                            self.use_tree(branch, &path, module, reexport);
                        }
                    }
                    return;
                }
                TokenTree::Punct(punct) if punct.as_char() == '*' => path.push("*".to_owned()),
                _ => {}
            }
            at += 1;
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let Some((path, bare)) = absolute(&path, module) else { return };
        if let Some(name) = alias.or_else(|| path.last().cloned()) {
            // A bare `use child;` would lead from a name to itself.
            if !(bare && path.len() == 1) {
                self.names.insert(name, path.clone());
            }
        }
        let line = tree.first().map_or(0, line);
        self.imports.push(Import { path, line, reexport, in_macro: false, bare });
    }

    /// Reads `a::b::c`, wherever it stands in code.
    fn path(&mut self, tokens: &[TokenTree], at: usize, module: &[String]) -> usize {
        let mut path = vec![tokens[at].to_string()];
        let mut end = at + 1;
        while let (true, Some(TokenTree::Ident(ident))) =
            (is_path_separator(tokens, end), tokens.get(end + 2))
        {
            path.push(ident.to_string());
            end += 3;
        }
        let goes_on = at >= 2 && is_path_separator(tokens, at - 2);
        if path.len() > 1 && !goes_on {
            if let Some((path, bare)) = absolute(&path, module) {
                let in_macro = at >= 1 && is_punct(tokens.get(at - 1), '$');
                let line = line(&tokens[at]);
                self.imports.push(Import { path, line, reexport: false, in_macro, bare });
            }
        }
        end
    }
}

/// `src/a/b.rs` and `src/a/b/mod.rs` are the module `a::b`; `src/lib.rs` is the root.
fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// Without `crate`, `self` and `super`, as seen from `module`; and whether there was none of them.
fn absolute(path: &[String], module: &[String]) -> Option<(Vec<String>, bool)> {
    let mut base = module;
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => return Some((path[1..].to_vec(), false)),
        "self" => rest = &rest[1..],
        "super" => {
            while rest.first().is_some_and(|segment| segment == "super") {
                rest = &rest[1..];
                base = &base[..base.len().checked_sub(1)?];
            }
        }
        _ => return Some((path.to_vec(), true)),
    }
    Some(([base, rest].concat(), false))
}

/// `#[cfg(test)]`, `#[cfg(all(test, …))]` or `#[cfg(doctest)]`.
fn is_for_tests(attribute: &Group) -> bool {
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    ["cfg(test)", "cfg(doctest)"].contains(&text.as_str()) || text.starts_with("cfg(all(test,")
}

/// Where the item that begins with the attribute at `at` ends.
fn end_of_item(tokens: &[TokenTree], at: usize) -> usize {
    let mut angles = 0_usize;
    let mut arrow = false;
    for (place, token) in tokens.iter().enumerate().skip(at) {
        let mut was_arrow = false;
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return place + 1,
            TokenTree::Punct(punct) => match punct.as_char() {
                ';' => return place + 1,
                ',' if angles == 0 => return place + 1,
                '<' => angles += 1,
                '>' if !arrow => angles = angles.saturating_sub(1),
                '-' | '=' => was_arrow = true,
                _ => {}
            },
            _ => {}
        }
        arrow = was_arrow;
    }
    tokens.len()
}

/// The name in `mod name;`.
fn declared_module(item: &[TokenTree]) -> Option<String> {
    let place = item.iter().position(|token| token.to_string() == "mod")?;
    is_punct(item.get(place + 2), ';').then(|| item[place + 1].to_string())
}

/// The `(crate)` of `pub(crate)`.
fn restricted_to(token: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(group)) = token else { return false };
    let first = group.stream().into_iter().next().map(|token| token.to_string());
    group.delimiter() == Delimiter::Parenthesis
        && matches!(first.as_deref(), Some("crate" | "super" | "self" | "in"))
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}

fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

fn end_line(token: &TokenTree) -> usize {
    token.span().end().line
}

fn length(lines: RangeInclusive<usize>) -> usize {
    lines.end() + 1 - lines.start()
}
