//! Fields of VLAN tags: IEEE 802.1Q, and the service tags of IEEE 802.1ad.

use super::{Read::Header, fields};
use crate::field::extract::link;
use crate::wire::Layer::Vlan;

fields! {
    /// A tag of IEEE 802.1Q.
    "vlan" = PROTOCOL None "802.1Q Virtual LAN" => Header(Vlan, link::customer_tag);
    "vlan.id" = U16 Decimal "ID" => Header(Vlan, link::tag_id);
    "vlan.priority" = U16 Decimal "Priority" => Header(Vlan, link::tag_priority);
    /// Whether the frame may be dropped first.
    "vlan.dei" = BOOL None "DEI" => Header(Vlan, link::tag_dei);
    "vlan.etype" = U16 Hex "Type" => Header(Vlan, link::tag_type);
    /// A service tag of IEEE 802.1ad.
    "ieee8021ad" = PROTOCOL None "IEEE 802.1ad" => Header(Vlan, link::service_tag);
    "ieee8021ad.id" = U16 Decimal "ID" => Header(Vlan, link::service_id);
    "ieee8021ad.priority" = U16 Decimal "Priority" => Header(Vlan, link::service_priority);
    "ieee8021ad.dei" = U16 Decimal "DEI" => Header(Vlan, link::service_dei);
}
