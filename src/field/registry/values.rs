//! The names of values, as Wireshark 4.0 has them: facts that `scripts/value-names` has written down.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::mqtt::PacketType;

type Names = Vec<(u64, &'static str)>;

struct Tables {
    names: Vec<Names>,
    /// Which table a field has.
    by_field: HashMap<&'static str, usize>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let mut tables = Tables { names: Vec::new(), by_field: HashMap::new() };
    for line in include_str!("values.tsv").lines() {
        let mut cells = line.split('\t');
        let fields = cells.next().unwrap_or_default();
        let value =
            |cell: &'static str| cell.split_once('=').and_then(|(number, name)| Some((number.parse().ok()?, name)));
        tables.by_field.extend(fields.split(' ').map(|field| (field, tables.names.len())));
        tables.names.push(cells.filter_map(value).collect());
    }
    tables
});

/// The names that the values of a field have, if they have any.
pub(super) fn names(field: &str) -> &'static [(u64, &'static str)] {
    TABLES.by_field.get(field).and_then(|table| TABLES.names.get(*table)).map_or(&[], Vec::as_slice)
}

/// The names that the output has for types of messages.
static TYPES: LazyLock<Names> =
    LazyLock::new(|| PacketType::ALL.iter().map(|kind| (*kind as u64, kind.name())).collect());

/// The names that our own output has for the values of a field, where these are others.
pub(super) fn own_names(field: &str) -> &'static [(u64, &'static str)] {
    if field == "mqtt.msgtype" { TYPES.as_slice() } else { &[] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{Kind, Names as _, Registry};

    #[test]
    fn every_name_is_that_of_a_number_or_a_truth_value_of_the_registry() {
        for (field, table) in &TABLES.by_field {
            let (_, described) = Registry.field(field).unwrap_or_else(|| panic!("{field} is a field"));
            assert!(matches!(described.kind, Kind::Boolean | Kind::Unsigned(_) | Kind::Signed(_)), "{field}");
            assert!(!TABLES.names[*table].is_empty(), "{field}");
        }
        let cells: usize = include_str!("values.tsv").lines().map(|line| line.matches('\t').count()).sum();
        assert_eq!(TABLES.names.iter().map(Vec::len).sum::<usize>(), cells, "each cell was read");
        let fields = include_str!("values.tsv").lines().filter_map(|line| line.split('\t').next());
        let named = fields.map(|fields| fields.split(' ').count()).sum::<usize>();
        assert_eq!(TABLES.by_field.len(), named, "no field stands in two lines");
        assert!(named >= 94, "the lines are there");
    }

    #[test]
    fn fields_that_mean_the_same_share_their_names() {
        assert_eq!(names("tcp.flags.syn"), [(1, "Set"), (0, "Not set")]);
        assert_eq!(names("tcp.flags.syn"), names("tcp.flags.fin"));
        assert!(names("mqtt.msgtype").contains(&(3, "Publish Message")));
        assert!(names("tcp.port").is_empty());
    }
}
