//! Parses filter expressions into a tree, without looking at any entity.

use super::{
    Flavour,
    lexer::{Literal, Token, tokens},
    problem::Problem,
    value::Value,
};

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    /// One of them holds.
    Or(Vec<Expression>),
    /// All of them hold.
    And(Vec<Expression>),
    /// It does not hold.
    Not(Box<Expression>),
    /// Two operands compare as told.
    Compare(Operand, Comparison, Operand),
    /// The text of the property matches the pattern with asterisks.
    Matches { property: String, pattern: String },
    /// The operand is true.
    Test(Operand),
    /// Any or all related rows fulfil the condition.
    Each {
        navigation: String,
        all: bool,
        condition: Option<Box<Expression>>,
    },
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    /// A property of the row.
    Property(String),
    /// A literal as written.
    Literal(Literal),
    /// A literal brought to the kind of the property it is compared with.
    Value(Value),
    /// A function of other operands.
    Call(String, Vec<Operand>),
}

/// How two operands compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

impl Expression {
    /// Returns whether conditions on different fields are joined by `or`.
    pub(crate) fn mixes_fields(&self) -> bool {
        match self {
            Self::Or(terms) => {
                let mut names = Vec::new();
                terms.iter().for_each(|term| term.fields(&mut names));
                names
                    .windows(2)
                    .any(|pair| matches!(pair, [first, second] if first != second))
            }
            Self::And(terms) => terms.iter().any(Self::mixes_fields),
            Self::Not(inner) => inner.mixes_fields(),
            Self::Compare(..) | Self::Matches { .. } | Self::Test(_) | Self::Each { .. } => false,
        }
    }

    fn fields<'e>(&'e self, names: &mut Vec<&'e str>) {
        match self {
            Self::Or(terms) | Self::And(terms) => terms.iter().for_each(|term| term.fields(names)),
            Self::Not(inner) => inner.fields(names),
            Self::Compare(left, _, right) => {
                left.fields(names);
                right.fields(names);
            }
            Self::Matches { property, .. } => names.push(property),
            Self::Test(tested) => tested.fields(names),
            Self::Each { navigation, .. } => names.push(navigation),
        }
    }
}

impl Operand {
    fn fields<'e>(&'e self, names: &mut Vec<&'e str>) {
        match self {
            Self::Property(name) => names.push(name),
            Self::Call(_, arguments) => arguments.iter().for_each(|argument| argument.fields(names)),
            Self::Literal(_) | Self::Value(_) => {}
        }
    }
}

/// How deeply expressions may nest.
const DEEPEST: usize = 100;

/// Parses a filter.
pub(crate) fn parse(text: &str, flavour: Flavour) -> Result<Expression, Problem> {
    let tokens = tokens(text, flavour)?;
    let mut parser = Parser {
        tokens: tokens.into_iter().peekable(),
        flavour,
        depth: 0,
        variable: None,
    };
    let expression = parser.or()?;
    match parser.tokens.next() {
        None => Ok(expression),
        Some(token) => Err(unexpected(&token)),
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    flavour: Flavour,
    depth: usize,
    variable: Option<String>,
}

impl Parser {
    fn or(&mut self) -> Result<Expression, Problem> {
        let mut terms = vec![self.and()?];
        while self.takes_word("or") {
            terms.push(self.and()?);
        }
        Ok(single_or(terms, Expression::Or))
    }

    fn and(&mut self) -> Result<Expression, Problem> {
        let mut terms = vec![self.term()?];
        while self.takes_word("and") {
            terms.push(self.term()?);
        }
        Ok(single_or(terms, Expression::And))
    }

    fn term(&mut self) -> Result<Expression, Problem> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Problem::bad("The expression is nested too deeply."));
        }
        let term = self.nested();
        self.depth -= 1;
        term
    }

    fn nested(&mut self) -> Result<Expression, Problem> {
        if self.takes_word("not") {
            return Ok(Expression::Not(Box::new(self.term()?)));
        }
        if self.takes(&Token::Open) {
            let inner = self.or()?;
            self.expect(&Token::Close)?;
            return Ok(inner);
        }
        let left = match self.operand()? {
            Operand::Call(name, _) if name.ends_with("/any") || name.ends_with("/all") => {
                return self.each(&name);
            }
            operand => operand,
        };
        self.comparison(left)
    }

    fn comparison(&mut self, left: Operand) -> Result<Expression, Problem> {
        let Some(Token::Word(word)) = self.tokens.peek() else {
            return Ok(Expression::Test(left));
        };
        let comparison = match word.as_str() {
            "eq" => Comparison::Equal,
            "ne" => Comparison::NotEqual,
            "gt" => Comparison::Greater,
            "ge" => Comparison::GreaterOrEqual,
            "lt" => Comparison::Less,
            "le" => Comparison::LessOrEqual,
            "in" if matches!(self.flavour, Flavour::Standard(standard) if standard.has_lists) => {
                self.tokens.next();
                return self.list(&left);
            }
            // The other flavours do not know the list operator of version 4.01.
            "in" | "has" => {
                return Err(Problem::bad(format!("The operator '{word}' is not supported.")));
            }
            "and" | "or" => return Ok(Expression::Test(left)),
            other => return Err(Problem::bad(format!("Invalid token '{other}' in the expression."))),
        };
        self.tokens.next();
        let right = self.operand()?;
        Ok(Expression::Compare(left, comparison, right))
    }

    /// Reads the values of a list, one of which the operand has to equal.
    fn list(&mut self, left: &Operand) -> Result<Expression, Problem> {
        self.expect(&Token::Open)?;
        let mut terms = Vec::new();
        loop {
            terms.push(Expression::Compare(left.clone(), Comparison::Equal, self.operand()?));
            if self.takes(&Token::Close) {
                return Ok(single_or(terms, Expression::Or));
            }
            self.expect(&Token::Comma)?;
        }
    }

    fn operand(&mut self) -> Result<Operand, Problem> {
        match self.tokens.next() {
            Some(Token::Literal(literal)) => Ok(Operand::Literal(literal)),
            Some(Token::Word(word)) if self.tokens.peek() == Some(&Token::Open) => self.call(word),
            Some(Token::Word(word)) => Ok(Operand::Property(self.without_variable(word))),
            Some(token) => Err(unexpected(&token)),
            None => Err(Problem::bad("Unexpected end of the expression.")),
        }
    }

    fn call(&mut self, name: String) -> Result<Operand, Problem> {
        self.expect(&Token::Open)?;
        if name.ends_with("/any") || name.ends_with("/all") {
            return Ok(Operand::Call(name, Vec::new()));
        }
        let mut arguments = Vec::new();
        while !self.takes(&Token::Close) {
            if !arguments.is_empty() {
                self.expect(&Token::Comma)?;
            }
            arguments.push(self.operand()?);
        }
        Ok(Operand::Call(name, arguments))
    }

    /// Reads the rest of `navigation/any(variable:condition)`.
    fn each(&mut self, name: &str) -> Result<Expression, Problem> {
        if self.flavour.is_v2() || self.flavour == Flavour::Dynamics {
            return Err(Problem::bad("Lambda expressions are not supported."));
        }
        let all = name.ends_with("/all");
        let navigation = name.get(..name.len() - 4).unwrap_or_default().to_owned();
        if self.takes(&Token::Close) {
            return Ok(Expression::Each {
                navigation,
                all,
                condition: None,
            });
        }
        let Some(Token::Word(variable)) = self.tokens.next() else {
            return Err(Problem::bad("A lambda expression needs a variable."));
        };
        self.expect(&Token::Colon)?;
        let outer = self.variable.replace(variable);
        let condition = Some(Box::new(self.or()?));
        self.variable = outer;
        self.expect(&Token::Close)?;
        Ok(Expression::Each {
            navigation,
            all,
            condition,
        })
    }

    fn without_variable(&self, word: String) -> String {
        let prefix = self.variable.as_deref().and_then(|name| word.strip_prefix(name));
        match prefix.and_then(|rest| rest.strip_prefix('/')) {
            Some(rest) => rest.to_owned(),
            None => word,
        }
    }

    fn takes(&mut self, token: &Token) -> bool {
        self.tokens.next_if_eq(token).is_some()
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.tokens
            .next_if(|token| matches!(token, Token::Word(found) if found == word))
            .is_some()
    }

    fn expect(&mut self, token: &Token) -> Result<(), Problem> {
        match self.tokens.next() {
            Some(found) if found == *token => Ok(()),
            Some(found) => Err(unexpected(&found)),
            None => Err(Problem::bad("Unexpected end of the expression.")),
        }
    }
}

fn single_or(mut terms: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    match terms.pop() {
        Some(only) if terms.is_empty() => only,
        Some(last) => {
            terms.push(last);
            many(terms)
        }
        None => many(terms),
    }
}

fn unexpected(token: &Token) -> Problem {
    let text = match token {
        Token::Word(word) => word.as_str(),
        Token::Literal(_) => "literal",
        Token::Open => "(",
        Token::Close => ")",
        Token::Comma => ",",
        Token::Colon => ":",
    };
    Problem::bad(format!("Invalid token '{text}' detected in the expression."))
}
