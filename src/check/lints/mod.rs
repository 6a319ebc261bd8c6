//! Good practice beyond the specifications.

use super::{Limits, Rule};

/// All lints.
pub(super) fn rules(_limits: &Limits) -> Vec<Box<dyn Rule + Send>> {
    Vec::new()
}
