//! Whether a text has another, as a part or as a pattern.

use super::{Case, Part};

impl Part {
    /// Says whether a text has a pattern.
    pub(crate) fn is_in(self, text: &str, pattern: &str, case: Case) -> bool {
        let fold = |text: &str| match case {
            Case::Sensitive => text.to_owned(),
            Case::Insensitive => text.to_lowercase(),
        };
        let (text, pattern) = (fold(text), fold(pattern));
        match self {
            Self::Anywhere => text.contains(&pattern),
            Self::Start => text.starts_with(&pattern),
            Self::End => text.ends_with(&pattern),
            Self::Like => is_like(&text, &like_pieces(&pattern)),
            Self::Glob => is_like(&text, &glob_pieces(&pattern)),
        }
    }
}

/// A piece of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    AnyText,
    AnyOne,
    Is(char),
}

fn like_pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        pieces.push(match letter {
            '%' => Piece::AnyText,
            '_' => Piece::AnyOne,
            '\\' => letters.next().map_or(Piece::Is('\\'), Piece::Is),
            letter => Piece::Is(letter),
        });
    }
    pieces
}

fn glob_pieces(pattern: &str) -> Vec<Piece> {
    let piece = |letter| match letter {
        '*' => Piece::AnyText,
        letter => Piece::Is(letter),
    };
    pattern.chars().map(piece).collect()
}

/// Matches from left to right; `reached` are the numbers of pieces that the text so far may stand for.
fn is_like(text: &str, pieces: &[Piece]) -> bool {
    let close = |mut reached: Vec<bool>| {
        for (at, piece) in pieces.iter().enumerate() {
            if *piece == Piece::AnyText
                && reached.get(at) == Some(&true)
                && let Some(next) = reached.get_mut(at + 1)
            {
                *next = true;
            }
        }
        reached
    };
    let mut start = vec![false; pieces.len() + 1];
    if let Some(first) = start.first_mut() {
        *first = true;
    }
    let mut reached = close(start);
    for letter in text.chars() {
        let mut next = vec![false; pieces.len() + 1];
        for (at, piece) in pieces.iter().enumerate() {
            if reached.get(at) != Some(&true) {
                continue;
            }
            let to = match piece {
                Piece::AnyText => at,
                Piece::AnyOne => at + 1,
                Piece::Is(wanted) if *wanted == letter => at + 1,
                Piece::Is(_) => continue,
            };
            if let Some(place) = next.get_mut(to) {
                *place = true;
            }
        }
        reached = close(next);
    }
    reached.last() == Some(&true)
}
