//! Refuses whatever is not one SELECT statement. A first line of defence: it does not know the whole language, so what
//! it does not know it refuses.

use crate::request::Database;

/// Words that begin or belong to what is no plain reading.
const REFUSED: &[&str] = &[
    "ALTER",
    "ANALYZE",
    "ATTACH",
    "BACKUP",
    "BEGIN",
    "BULK",
    "CALL",
    "COMMIT",
    "COPY",
    "CREATE",
    "DBCC",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DENY",
    "DO",
    "DROP",
    "EXEC",
    "EXECUTE",
    "GRANT",
    "HANDLER",
    "INSERT",
    "INSTALL",
    "INTO",
    "KILL",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MERGE",
    "NOTIFY",
    "OPENDATASOURCE",
    "OPENQUERY",
    "OPENROWSET",
    "PREPARE",
    "RECONFIGURE",
    "RENAME",
    "RESTORE",
    "REVOKE",
    "ROLLBACK",
    "SHUTDOWN",
    "TRUNCATE",
    "UPDATE",
    "VACUUM",
    "WAITFOR",
];

/// Tells why a statement is not sent; nothing when it is one SELECT.
pub(crate) fn check(database: Database, sql: &str) -> Result<(), &'static str> {
    let mut signs = sql.chars().peekable();
    let mut depth = 0_usize;
    let mut first = None;
    while let Some(sign) = signs.next() {
        let next = signs.peek().copied();
        match sign {
            '\0' => return Err("it has a zero sign"),
            ';' => return Err("it must be one statement"),
            '-' if next == Some('-') => return Err("it must have no comments"),
            '/' if next == Some('*') => return Err("it must have no comments"),
            '#' if database == Database::Mysql => return Err("it must have no comments"),
            '$' if !next.is_some_and(|next| next.is_ascii_digit()) => return Err("it has a sign that is not known"),
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1).ok_or("its parentheses do not match")?,
            '\'' => quoted(&mut signs, '\'', true)?,
            '"' => quoted(&mut signs, '"', database == Database::Mysql)?,
            '`' if database == Database::Mysql => quoted(&mut signs, '`', false)?,
            '[' if database == Database::SqlServer => quoted(&mut signs, ']', false)?,
            _ if is_word(sign) => {
                let mut word = String::from(sign);
                while let Some(more) = signs.next_if(|sign| is_word(*sign)) {
                    word.push(more);
                }
                let word = word.to_uppercase();
                if REFUSED.contains(&word.as_str()) || word.starts_with("XP_") || word.starts_with("SP_") {
                    return Err("it has words that do more than read");
                }
                // Texts such as E'…' and U&'…' have rules of their own.
                if signs.peek() == Some(&'\'') && word != "LIKE" && word != "ESCAPE" {
                    return Err("it has a text that is not a plain one");
                }
                first.get_or_insert(word);
            }
            _ => {}
        }
    }
    match first.as_deref() {
        _ if depth != 0 => Err("its parentheses do not match"),
        Some("SELECT") => Ok(()),
        _ => Err("it must be a SELECT"),
    }
}

fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

/// Passes by what stands in quotes; a quote is written twice in it.
fn quoted(
    signs: &mut std::iter::Peekable<std::str::Chars<'_>>,
    close: char,
    escapes: bool,
) -> Result<(), &'static str> {
    while let Some(sign) = signs.next() {
        if escapes && sign == '\\' && signs.peek() == Some(&close) {
            return Err("it has a text that is not a plain one");
        }
        if sign == close && signs.next_if_eq(&close).is_none() {
            return Ok(());
        }
    }
    Err("a quote is never closed")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reading_passes() {
        for (database, sql) in [
            (
                Database::Postgres,
                r#"SELECT "a", "update" FROM "s"."t;--" WHERE "a" ILIKE $1 ESCAPE '!' ORDER BY "a" LIMIT 10"#,
            ),
            (
                Database::Mysql,
                "SELECT `drop`, `a``b` FROM `t` WHERE LOWER(`a`) LIKE LOWER(?) ESCAPE '!' LIMIT 10 OFFSET 5",
            ),
            (
                Database::SqlServer,
                "SELECT [a]]b], [No_] FROM [dbo].[x] ORDER BY CASE WHEN [a] IS NULL THEN 1 ELSE 0 END, [a] OFFSET 0 ROWS FETCH NEXT 5 ROWS ONLY",
            ),
        ] {
            assert_eq!(check(database, sql), Ok(()), "{sql}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for sql in [
            "",
            "INSERT INTO t VALUES (1)",
            "UPDATE t SET a = 1",
            "DELETE FROM t",
            "DROP TABLE t",
            "SELECT 1; DROP TABLE t",
            "SELECT 1;",
            "SELECT * INTO copy FROM t",
            "select * from t for update",
            "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone",
            "SELECT 1 -- rest",
            "SELECT /* x */ 1",
            "SELECT 'a",
            "SELECT (1",
            "SELECT 1) AS x, (SELECT 2",
            "SELECT $$x$$",
            "SELECT $tag$x$tag$",
            "SELECT E'\\'; DROP TABLE t --'",
            "SELECT 'a\\'; DROP TABLE t; --'",
            "EXEC sp_who",
            "SELECT * FROM OPENROWSET('x', 'y', 'z')",
            "COPY t TO PROGRAM 'x'",
            "SHOW TABLES",
            "CALL p()",
            "SELECT 1 \0",
        ] {
            for database in [Database::Postgres, Database::Mysql, Database::SqlServer] {
                assert!(check(database, sql).is_err(), "{sql}");
            }
        }
        assert!(check(Database::Mysql, "SELECT 1 # rest").is_err());
    }

    proptest! {
        #[test]
        fn no_name_ends_its_quotes(name in any::<String>()) {
            prop_assume!(!name.contains('\0'));
            for (database, open, close) in
                [(Database::Postgres, '"', '"'), (Database::Mysql, '`', '`'), (Database::SqlServer, '[', ']')]
            {
                let doubled = name.replace(close, &format!("{close}{close}"));
                let sql = format!("SELECT {open}{doubled}{close} FROM {open}t{close}");
                prop_assert_eq!(check(database, &sql), Ok(()));
                // A name that is not escaped either stays within its quotes or is refused.
                let plain = format!("SELECT {open}{name}; DELETE FROM t");
                prop_assert!(check(database, &plain).is_err());
            }
        }
    }
}
