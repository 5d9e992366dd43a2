//! "Did you mean": the known word that is nearest to an unknown one.

/// Tells that a word is unknown, with the nearest known one.
#[must_use]
pub fn unknown<'a>(what: &str, word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match closest(word, known) {
        Some(near) => format!("unknown {what} `{word}`, did you mean `{near}`?"),
        None => format!("unknown {what} `{word}`"),
    }
}

/// Returns the known word that is near enough to be meant.
#[must_use]
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A word of one or two letters is near to everything.
    let letters = word.chars().count();
    let most = (1 + letters / 4).min(letters.saturating_sub(1));
    known
        .into_iter()
        .map(|near| (distance(&word.to_lowercase(), &near.to_lowercase()), near))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, near)| near)
}

/// Counts the letters to insert, delete, replace or swap to get from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, letter) in a.chars().enumerate() {
        let mut next = Vec::with_capacity(last.len());
        next.push(row + 1);
        for (column, other) in b.iter().enumerate() {
            let at = |line: &[usize], place: usize| line.get(place).copied().unwrap_or(usize::MAX - 1);
            let mut cost = (at(&last, column) + usize::from(letter != *other))
                .min(at(&last, column + 1) + 1)
                .min(at(&next, column) + 1);
            let swapped = column > 0 && previous == Some(*other) && b.get(column - 1) == Some(&letter);
            if swapped {
                cost = cost.min(at(&before, column - 1) + 1);
            }
            next.push(cost);
        }
        previous = Some(letter);
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found() {
        assert_eq!(closest("pathh", ["path", "paging"]), Some("path"));
        assert_eq!(closest("tpye", ["type", "each"]), Some("type"));
        assert_eq!(closest("Odata_v4", ["odata_v2", "odata_v4"]), Some("odata_v4"));
        assert_eq!(closest("completely", ["path"]), None);
        assert_eq!(
            unknown("key", "lst", ["list"]),
            "unknown key `lst`, did you mean `list`?"
        );
    }
}
