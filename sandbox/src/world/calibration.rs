//! Calibrations of gauges and safety devices: records that no standard of the trade has, which customers keep in objects of
//! their own.
#![expect(missing_docs, reason = "the field names are the plain words of the domain")]

use chrono::{DateTime, Duration, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Serialize;

use super::{Asset, now, today};

/// How a calibration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum CalibrationResult {
    /// Within tolerance.
    Passed,
    /// Brought back within tolerance.
    Adjusted,
    /// Out of tolerance.
    Failed,
}

impl CalibrationResult {
    /// Returns its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Adjusted => "adjusted",
            Self::Failed => "failed",
        }
    }
}

/// A calibration of an asset.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    pub id: u32,
    /// Like `CAL-2026-0001`.
    pub certificate: String,
    pub asset: Option<u32>,
    pub performed_on: NaiveDate,
    pub due_on: NaiveDate,
    pub result: CalibrationResult,
    /// In percent of the range.
    pub deviation: Decimal,
    pub notes: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The most calibrations of a plant.
const MOST: u32 = 30;

/// Returns calibrations of the first assets; they follow from the assets alone.
pub(super) fn calibrations(assets: &[Asset]) -> Vec<Calibration> {
    let gauged = assets.iter().zip(1..=MOST);
    gauged
        .map(|(asset, id)| {
            let performed_on = today() - Duration::days(i64::from(id) * 11);
            let result = match id % 7 {
                3 => CalibrationResult::Adjusted,
                6 => CalibrationResult::Failed,
                _ => CalibrationResult::Passed,
            };
            let at = now() - Duration::days(i64::from(id) * 11);
            Calibration {
                id,
                certificate: format!("CAL-2026-{id:04}"),
                asset: Some(asset.id),
                performed_on,
                due_on: performed_on + Duration::days(365),
                result,
                deviation: Decimal::new(i64::from(id * 37 % 500) - 120, 3),
                notes: match result {
                    CalibrationResult::Failed => format!("{} is taken out of service.", asset.number),
                    _ => String::new(),
                },
                created_at: at,
                updated_at: at,
            }
        })
        .collect()
}

/// Returns a calibration without any values.
pub(crate) fn empty(id: u32, at: DateTime<Utc>) -> Calibration {
    Calibration {
        id,
        certificate: format!("CAL-2026-{id:04}"),
        asset: None,
        performed_on: today(),
        due_on: today() + Duration::days(365),
        result: CalibrationResult::Passed,
        deviation: Decimal::ZERO,
        notes: String::new(),
        created_at: at,
        updated_at: at,
    }
}
