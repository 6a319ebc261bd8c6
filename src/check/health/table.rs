use crate::check::RuleInfo;
/// t
pub const RULES: &[RuleInfo] = &[];
