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

/// Words of SQL Server that begin or belong to statements of their own: it needs no sign between two statements.
const REFUSED_BY_SQL_SERVER: &[&str] = &[
    "ADD",
    "BREAK",
    "CHECKPOINT",
    "CLOSE",
    "CONTINUE",
    "CONVERSATION",
    "CURSOR",
    "DISABLE",
    "DUMP",
    "ENABLE",
    "GOTO",
    "IF",
    "LINENO",
    "OPEN",
    "OPENXML",
    "PRINT",
    "RAISERROR",
    "READTEXT",
    "RECEIVE",
    "RETURN",
    "REVERT",
    "SAVE",
    "SET",
    "SETUSER",
    "THROW",
    "TRAN",
    "TRANSACTION",
    "UPDATETEXT",
    "USE",
    "WHILE",
    "WRITETEXT",
];

const MORE_THAN_READING: &str = "it has words that do more than read";

/// Tells why a statement is not sent; nothing when it is one SELECT.
pub(crate) fn check(database: Database, sql: &str) -> Result<(), &'static str> {
    let mut signs = sql.chars().peekable();
    let mut depth = 0_usize;
    let mut first = None;
    let mut before = Before::default();
    while let Some(sign) = signs.next() {
        let next = signs.peek().copied();
        match sign {
            '\0' => return Err("it has a zero sign"),
            ';' => return Err("it must be one statement"),
            '-' if next == Some('-') => return Err("it must have no comments"),
            '/' if next == Some('*') => return Err("it must have no comments"),
            '#' if database == Database::Mysql => return Err("it must have no comments"),
            '$' if !next.is_some_and(|next| next.is_ascii_digit()) => return Err("it has a sign that is not known"),
            // Variables keep their values when the statement has ended.
            ':' if database == Database::Mysql && next == Some('=') => return Err(MORE_THAN_READING),
            '(' => {
                depth += 1;
                before.parenthesis();
            }
            ')' => {
                depth = depth.checked_sub(1).ok_or("its parentheses do not match")?;
                before.operand();
            }
            '\'' => {
                quoted(&mut signs, '\'', true)?;
                before.operand();
            }
            '"' => {
                quoted(&mut signs, '"', database == Database::Mysql)?;
                before.operand();
            }
            '`' if database == Database::Mysql => {
                let name = quoted(&mut signs, '`', false)?;
                if name.eq_ignore_ascii_case(LOCK) {
                    return Err(MORE_THAN_READING);
                }
                before.operand();
            }
            '[' if database == Database::SqlServer => {
                quoted(&mut signs, ']', false)?;
                before.operand();
            }
            _ if is_word(sign) => {
                let mut word = String::from(sign);
                while let Some(more) = signs.next_if(|sign| is_word(*sign)) {
                    word.push(more);
                }
                let word = word.to_uppercase();
                if REFUSED.contains(&word.as_str()) || word.starts_with("XP_") || word.starts_with("SP_") {
                    return Err(MORE_THAN_READING);
                }
                match database {
                    Database::Mysql if word == LOCK => return Err(MORE_THAN_READING),
                    Database::SqlServer => before.check(&word, depth, first.is_none())?,
                    _ => {}
                }
                // Texts such as E'…' and U&'…' have rules of their own.
                if signs.peek() == Some(&'\'') && word != "LIKE" && word != "ESCAPE" {
                    return Err("it has a text that is not a plain one");
                }
                before.word(&word);
                first.get_or_insert(word);
            }
            _ if sign.is_whitespace() => {}
            // Of a number or of a name.
            '.' => before.operand(),
            _ => before = Before::default(),
        }
    }
    match first.as_deref() {
        _ if depth != 0 => Err("its parentheses do not match"),
        Some("SELECT") => Ok(()),
        _ => Err("it must be a SELECT"),
    }
}

/// The function of MySQL whose lock outlives the statement.
const LOCK: &str = "GET_LOCK";

/// What stands before a word.
#[derive(Default)]
struct Before {
    /// The words right before it, the last one first.
    words: [String; 2],
    /// A value or a name, behind which another statement may begin.
    is_operand: bool,
    /// A parenthesis that opens behind such a one.
    is_open_behind_operand: bool,
}

impl Before {
    fn word(&mut self, word: &str) {
        let [last, _] = std::mem::take(&mut self.words);
        *self = Self {
            words: [word.to_owned(), last],
            is_operand: word.starts_with(|sign: char| sign.is_ascii_digit()),
            is_open_behind_operand: false,
        };
    }

    fn operand(&mut self) {
        *self = Self {
            is_operand: true,
            ..Self::default()
        };
    }

    fn parenthesis(&mut self) {
        *self = Self {
            is_open_behind_operand: self.is_operand || self.is_open_behind_operand,
            ..Self::default()
        };
    }

    /// Refuses words of SQL Server that begin another statement.
    fn check(&self, word: &str, depth: usize, is_first: bool) -> Result<(), &'static str> {
        let [last, last_but_one] = self.words.each_ref().map(String::as_str);
        let joins = |word: &str| matches!(word, "UNION" | "EXCEPT" | "INTERSECT");
        match word {
            "SELECT" if depth > 0 && self.is_open_behind_operand => Err("it must be one statement"),
            "SELECT" if depth > 0 || is_first || joins(last) || (last == "ALL" && joins(last_but_one)) => Ok(()),
            "SELECT" => Err("it must be one statement"),
            // Otherwise it reads on in a cursor.
            "FETCH" if !matches!(last, "ROW" | "ROWS") => Err(MORE_THAN_READING),
            "VALUE" if last == "NEXT" => Err(MORE_THAN_READING),
            _ if REFUSED_BY_SQL_SERVER.contains(&word) => Err(MORE_THAN_READING),
            _ => Ok(()),
        }
    }
}

fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

/// Passes by what stands in quotes and returns it; a quote is written twice in it.
fn quoted(
    signs: &mut std::iter::Peekable<std::str::Chars<'_>>,
    close: char,
    escapes: bool,
) -> Result<String, &'static str> {
    let mut passed = String::new();
    while let Some(sign) = signs.next() {
        if escapes && sign == '\\' && signs.peek() == Some(&close) {
            return Err("it has a text that is not a plain one");
        }
        if sign == close && signs.next_if_eq(&close).is_none() {
            return Ok(passed);
        }
        passed.push(sign);
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

    #[test]
    fn sql_server_begins_no_second_statement() {
        for rest in [
            "SELECT 2",
            "(SELECT 2)",
            "((SELECT 2))",
            ". SELECT 2",
            "AS a SELECT 2",
            "FROM [t] SELECT 2",
            "FROM [t] (SELECT 2)",
            "WHERE 'a' = 'b' SELECT 2",
            "WHERE (1 = 1) ( SELECT 2)",
            "UNION ALL SELECT 2 SELECT 3",
            "ALL SELECT 2",
            "WRITETEXT t.c @P1 'x'",
            "UPDATETEXT t.c @P1 0 0 'x'",
            "DISABLE TRIGGER x ON t",
            "CHECKPOINT",
            "set NOCOUNT ON",
            "USE other",
            "WHILE 1=1 SELECT 1",
            "IF 1=1 SELECT 1",
            "REVERT",
            "PRINT 'x'",
            "FETCH NEXT FROM c",
            "OPEN c",
            "SAVE TRANSACTION x",
            "RAISERROR ('x', 16, 1)",
        ] {
            let sql = format!("SELECT 1 {rest}");
            assert!(check(Database::SqlServer, &sql).is_err(), "{sql}");
        }
        assert!(check(Database::SqlServer, "SELECT NEXT  VALUE FOR s").is_err());
        for sql in [
            "SELECT 1 UNION SELECT 2 UNION ALL SELECT 3 EXCEPT (SELECT 4) INTERSECT SELECT 5",
            "SELECT [a], (SELECT MAX([b]) FROM [u]) FROM (SELECT 1 AS [a]) AS [x] WHERE EXISTS (SELECT 1) AND [a] IN (SELECT 2)",
            "SELECT ISNULL((SELECT TOP (1) [b] FROM [u]), 0) AS [set], [x].value('.', 'int') FROM [t] CROSS APPLY (SELECT 1 AS c) AS y",
            "SELECT [a] FROM [t] ORDER BY [a], (SELECT NULL) OFFSET 0 ROWS FETCH NEXT 5 ROWS ONLY",
            "SELECT CASE WHEN (SELECT 1) = 1 THEN (SELECT 2) ELSE (SELECT 3) END",
        ] {
            assert_eq!(check(Database::SqlServer, sql), Ok(()), "{sql}");
        }
    }

    #[test]
    fn mysql_keeps_nothing_behind_a_statement() {
        for sql in ["SELECT @v := 1", "SELECT get_lock('a', 1)", "SELECT `Get_Lock`('a', 1)"] {
            assert!(check(Database::Mysql, sql).is_err(), "{sql}");
        }
        assert_eq!(check(Database::Mysql, "SELECT ':=', 'get_lock', @v"), Ok(()));
    }

    proptest! {
        #[test]
        fn sql_server_takes_one_select_at_most(
            words in proptest::collection::vec(
                prop::sample::select(vec!["a", "[b]", "1", "'c'", "1.", "*", ",", "FROM", "AS", "(1)", "= 2", "ALL"]), 0..8,
            ),
            next in prop::sample::select(REFUSED_BY_SQL_SERVER.iter().copied().chain(["SELECT"]).collect::<Vec<_>>()),
        ) {
            let sql = format!("SELECT {} {next} 2", words.join(" "));
            prop_assert!(check(Database::SqlServer, &sql).is_err(), "{}", sql);
        }

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
