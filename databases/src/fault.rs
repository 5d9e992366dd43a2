//! How a statement can fail, and what the codes of databases mean as statuses.

use http::StatusCode;
use lineshaft_connect::error::{Error, ErrorKind, Reach};

/// How a statement failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The database said no. The connection can go on.
    Refused {
        status: StatusCode,
        code: String,
        message: String,
    },
    /// The connection broke off without an answer.
    Lost,
    /// Anything else.
    Failed(Error),
}

impl Fault {
    pub(crate) fn refused(status: StatusCode, code: impl ToString, message: impl Into<String>) -> Self {
        Self::Refused {
            status,
            code: code.to_string(),
            message: message.into(),
        }
    }

    /// There are more or fewer values than places for them.
    pub(crate) fn unfit(wanted: usize, given: usize) -> Self {
        let message = format!("the statement has {wanted} places for values, and there are {given}");
        Self::refused(StatusCode::BAD_REQUEST, "values", message)
    }

    pub(crate) fn timeout() -> Self {
        let message = "the database broke the statement off, because it took too long";
        Self::Failed(Error::new(ErrorKind::Timeout, message).with_reach(Reach::Unknown))
    }

    pub(crate) fn tls() -> Self {
        Self::Failed(Error::new(
            ErrorKind::Tls,
            "no safe connection to the database: its certificate or encryption was refused",
        ))
    }

    /// The server has none of the encryption that is wanted.
    pub(crate) fn not_encrypted() -> Self {
        Self::Failed(Error::new(ErrorKind::Tls, "the database does not offer encryption"))
    }

    pub(crate) fn sign_in_not_supported() -> Self {
        let message = "the database wants a way of signing in that is not supported: give the user a password";
        Self::Failed(Error::new(ErrorKind::NotSupported, message))
    }

    /// Says of a connection that broke off that no statement was under way.
    pub(crate) fn while_opening(self) -> Self {
        match self {
            Self::Lost => {
                let message = "the database broke the connection off while it was made";
                Self::Failed(Error::new(ErrorKind::Network, message))
            }
            other => other,
        }
    }

    /// The answer is larger than anybody wants it.
    pub(crate) fn too_large(most: usize) -> Self {
        Self::beyond(format!("the answer is larger than {most} bytes"))
    }

    /// One row alone is larger than any answer may be.
    pub(crate) fn row_too_large() -> Self {
        Self::beyond("a row is larger than an answer may be".to_owned())
    }

    fn beyond(message: String) -> Self {
        Self::Failed(Error::new(ErrorKind::ResponseTooLarge, message).with_reach(Reach::Unknown))
    }

    pub(crate) fn malformed(what: &str) -> Self {
        let message = format!("the answer of the database cannot be read: {what}");
        Self::Failed(Error::new(ErrorKind::MalformedResponse, message).with_reach(Reach::Unknown))
    }
}

/// Returns what a code of the SQL standard means, as Postgres uses them; nothing for a statement that ran out of time.
pub(crate) fn of_state(state: &str) -> Option<StatusCode> {
    Some(match state {
        "57014" => return None,
        "28000" | "28P01" => StatusCode::UNAUTHORIZED,
        "42501" => StatusCode::FORBIDDEN,
        "3D000" => StatusCode::NOT_FOUND,
        "25P02" => StatusCode::INTERNAL_SERVER_ERROR,
        "40001" | "40P01" | "55P03" | "57P01" | "57P02" | "57P03" | "57P05" => StatusCode::SERVICE_UNAVAILABLE,
        _ => match state.get(..2).unwrap_or_default() {
            "53" | "08" | "58" => StatusCode::SERVICE_UNAVAILABLE,
            "0A" | "21" | "22" | "23" | "25" | "42" | "3F" | "54" | "P0" => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        },
    })
}

/// Returns what a number of `MySQL` or `MariaDB` means; nothing for a statement that ran out of time.
pub(crate) fn of_mysql(number: u16, state: &str) -> Option<StatusCode> {
    Some(match number {
        // Broken off by the time that statements may take, in either product, or by us.
        1317 | 1969 | 3024 => return None,
        1045 | 1698 | 1820 | 1862 | 4151 => StatusCode::UNAUTHORIZED,
        1044 | 1142 | 1143 | 1227 | 1370 => StatusCode::FORBIDDEN,
        1049 => StatusCode::NOT_FOUND,
        1040 | 1053 | 1129 | 1203 | 1205 | 1213 | 1226 => StatusCode::SERVICE_UNAVAILABLE,
        1792 => StatusCode::BAD_REQUEST,
        _ => match state.get(..2).unwrap_or_default() {
            "08" => StatusCode::SERVICE_UNAVAILABLE,
            "21" | "22" | "23" | "25" | "42" | "HY" | "01" => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        },
    })
}

/// Returns what a number of SQL Server means.
pub(crate) fn of_sqlserver(number: u32, severity: u8) -> StatusCode {
    match number {
        18452 | 18456 | 18463..=18468 | 18470 | 18486..=18488 => StatusCode::UNAUTHORIZED,
        229 | 230 | 297 | 300 | 916 | 15247 => StatusCode::FORBIDDEN,
        911 | 4060 => StatusCode::NOT_FOUND,
        1205 | 1222 | 3960 | 10928 | 10929 | 17142 | 17809 | 40197 | 40501 | 40613 | 49918..=49920 => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ if severity <= 16 => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_tell_whose_fault_it_is() {
        for (state, status) in [
            ("28P01", 401),
            ("42501", 403),
            ("42P01", 400),
            ("22P02", 400),
            ("25006", 400),
            ("53300", 503),
            ("57P03", 503),
            ("XX000", 500),
        ] {
            assert_eq!(of_state(state).map(|status| status.as_u16()), Some(status), "{state}");
        }
        assert_eq!(of_state("57014"), None);
        for (number, state, status) in [
            (1045, "28000", 401),
            (1142, "42000", 403),
            (1146, "42S02", 400),
            (1054, "42S22", 400),
            (1040, "08004", 503),
            (1792, "25006", 400),
        ] {
            assert_eq!(
                of_mysql(number, state).map(|status| status.as_u16()),
                Some(status),
                "{number}"
            );
        }
        assert_eq!(of_mysql(1969, "70100"), None);
        for (number, severity, status) in [
            (18456, 14, 401),
            (229, 14, 403),
            (208, 16, 400),
            (1205, 13, 503),
            (823, 24, 503),
        ] {
            assert_eq!(of_sqlserver(number, severity).as_u16(), status, "{number}");
        }
    }
}
