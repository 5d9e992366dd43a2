//! The signs and words of the OSLC query language, which the object structures of Maximo and described systems share.

use rust_decimal::Decimal;

/// What stands where something else should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unexpected(pub(crate) String);

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

/// A literal before it is fitted to what it is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// Text between quotes.
    Quoted(String),
    /// A number or a truth value.
    Bare(String),
}

/// A place in a clause.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    /// Starts at the beginning of a clause.
    pub(crate) fn new(clause: &'a str) -> Self {
        Self { rest: clause }
    }

    /// Says whether nothing is left.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Skips spaces.
    pub(crate) fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes a sign if it comes next.
    pub(crate) fn take(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes a keyword in any case, if it stands alone.
    pub(crate) fn take_word(&mut self, word: &str) -> bool {
        let Some((head, rest)) = self.rest.split_at_checked(word.len()) else {
            return false;
        };
        let ends = !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
        if head.eq_ignore_ascii_case(word) && ends {
            self.rest = rest;
            return true;
        }
        false
    }

    /// Tells what stands where something else should.
    pub(crate) fn unexpected(&self) -> Unexpected {
        match self.rest.chars().next() {
            Some(next) => Unexpected(format!("Encountered '{next}'")),
            None => Unexpected("Encountered <EOF>".into()),
        }
    }

    /// Takes the only word that may stand between conditions.
    pub(crate) fn expect_and(&mut self) -> Result<(), Unexpected> {
        if self.take_word("and") {
            return Ok(());
        }
        if self.take_word("or") {
            return Err(Unexpected("Encountered 'or'".into()));
        }
        Err(self.unexpected())
    }

    /// Takes names between points, without the prefix of the main namespace.
    pub(crate) fn path(&mut self) -> Result<Vec<String>, Unexpected> {
        let mut path = Vec::new();
        loop {
            let mut name = self.name()?;
            if name == "spi" && self.take(':') {
                name = self.name()?;
            }
            path.push(name);
            if !self.take('.') {
                return Ok(path);
            }
        }
    }

    fn name(&mut self) -> Result<String, Unexpected> {
        let end = self
            .rest
            .find(|next: char| !(next.is_alphanumeric() || next == '_'))
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() {
            return Err(self.unexpected());
        }
        self.rest = rest;
        Ok(name.to_owned())
    }

    /// Takes the name that an attribute is to have in the answer.
    pub(crate) fn alias(&mut self) -> Option<String> {
        self.rest = self.rest.strip_prefix("--")?;
        self.name().ok()
    }

    /// Takes a comparison.
    pub(crate) fn operator(&mut self) -> Result<Comparison, Unexpected> {
        const OPERATORS: [(&str, Comparison); 6] = [
            ("!=", Comparison::NotEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<=", Comparison::LessOrEqual),
            ("=", Comparison::Equal),
            (">", Comparison::Greater),
            ("<", Comparison::Less),
        ];
        for (text, operator) in OPERATORS {
            if let Some(rest) = self.rest.strip_prefix(text) {
                self.rest = rest;
                return Ok(operator);
            }
        }
        Err(self.unexpected())
    }

    /// Takes a literal.
    pub(crate) fn literal(&mut self) -> Result<Token, Unexpected> {
        if self.take('"') {
            return self.quoted();
        }
        let end = self
            .rest
            .find(|next: char| !(next.is_alphanumeric() || matches!(next, '.' | '-' | '+')))
            .unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        let is_number = text.parse::<Decimal>().is_ok();
        if !is_number && text != "true" && text != "false" {
            return Err(self.unexpected());
        }
        self.rest = rest;
        Ok(Token::Bare(text.to_owned()))
    }

    fn quoted(&mut self) -> Result<Token, Unexpected> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((position, next)) = characters.next() {
            match next {
                '"' => {
                    self.rest = self.rest.get(position + 1..).unwrap_or_default();
                    return Ok(Token::Quoted(text));
                }
                '\\' => match characters.next() {
                    Some((_, escaped)) => text.push(escaped),
                    None => break,
                },
                other => text.push(other),
            }
        }
        self.rest = "";
        Err(self.unexpected())
    }
}
