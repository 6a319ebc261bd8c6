//! MQTT 3.1, 3.1.1 and 5.0 control packets, from the bytes of a stream to their fields.
//!
//! Everything here is about one packet, or about where packets begin and end. What the two ends know
//! of each other (sessions, aliases, open exchanges) is not looked at here.
