//! What the commands print: lines, aligned tables, JSON, failures. Colours only for terminals.

use std::{
    io::{self, IsTerminal as _, Write},
    process::ExitCode,
};

use serde::Serialize;

/// Where a command prints.
pub struct Output {
    sink: Box<dyn Write + Send>,
    colours: bool,
}

/// How a piece of text looks on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// Headings.
    Bold,
    /// What is less important.
    Dim,
    /// What went well.
    Good,
    /// What went wrong.
    Bad,
    /// What to pick up: addresses, tokens.
    Key,
}

impl Output {
    /// Prints to the standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self {
            colours: wants_colours(io::stdout().is_terminal()),
            sink: Box::new(io::stdout()),
        }
    }

    /// Prints to the standard error.
    #[must_use]
    pub fn stderr() -> Self {
        Self {
            colours: wants_colours(io::stderr().is_terminal()),
            sink: Box::new(io::stderr()),
        }
    }

    /// Prints to something else, without colours.
    #[must_use]
    pub fn to(sink: impl Write + Send + 'static) -> Self {
        Self {
            sink: Box::new(sink),
            colours: false,
        }
    }

    /// Returns the text in a style.
    #[must_use]
    pub fn styled(&self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Plain => return text.to_owned(),
            _ if !self.colours => return text.to_owned(),
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Good => "32",
            Style::Bad => "31",
            Style::Key => "36",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Prints a line.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.sink, "{text}")
    }

    /// Prints a text as it is.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        self.sink.write_all(text.as_bytes())?;
        self.sink.flush()
    }

    /// Prints rows below a heading, in columns.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn table<const N: usize>(&mut self, heading: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
        let widths: [usize; N] = std::array::from_fn(|column| {
            let cells = rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count());
            cells
                .chain(heading.get(column).map(|cell| cell.chars().count()))
                .max()
                .unwrap_or(0)
        });
        let heading = aligned(&heading.map(str::to_owned), &widths);
        let heading = self.styled(Style::Bold, &heading);
        self.line(&heading)?;
        for row in rows {
            self.line(&aligned(row, &widths))?;
        }
        Ok(())
    }

    /// Prints a value as indented JSON.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.sink, value)?;
        self.line("")
    }

    /// Prints why a command failed and returns its exit code. That the reader of a pipe left is no failure.
    pub fn failure(&mut self, error: &anyhow::Error) -> ExitCode {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        let label = self.styled(Style::Bad, "error:");
        let mut text = format!("{label} {error}\n");
        for cause in error.chain().skip(1) {
            text.push_str(&format!("  because {cause}\n"));
        }
        // Nothing is left to tell a failure to print a failure to.
        let _told = self.text(&text);
        ExitCode::FAILURE
    }
}

fn wants_colours(is_terminal: bool) -> bool {
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn aligned<const N: usize>(cells: &[String; N], widths: &[usize; N]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(cell);
        line.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count().min(*width)));
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn tables_are_aligned_by_characters() {
        let paper = Paper::default();
        let rows = [["Zürich".to_owned(), "1".to_owned()], ["Rom".to_owned(), String::new()]];
        Output::to(paper.clone()).table(["NAME", "COUNT"], &rows).unwrap();
        let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "NAME    COUNT\nZürich  1\nRom\n");
    }

    #[test]
    fn a_failure_tells_its_causes() {
        let paper = Paper::default();
        let error = anyhow::Error::new(io::Error::other("disk on fire")).context("the database cannot be opened");
        Output::to(paper.clone()).failure(&error);
        let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "error: the database cannot be opened\n  because disk on fire\n");
    }
}
