//! What has to be told of MQTT-SN, as options.

use clap::Args;

/// The arguments.
#[derive(Debug, Default, Args)]
pub(super) struct Sensors {
    /// What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature
    ///
    /// Such ids are known to clients and gateways beforehand, so that no capture tells their names. May be given several
    /// times. Ids that are registered in the capture need no help.
    #[arg(long, value_name = "ID=TOPIC", value_parser = topic, help_heading = "Decoding")]
    pub(super) sn_topic: Vec<(u16, Vec<u8>)>,
}

/// Reads `5=plant/oven`.
fn topic(text: &str) -> Result<(u16, Vec<u8>), String> {
    let (id, name) = text.split_once('=').ok_or("expected ID=TOPIC, for example 5=plant/oven")?;
    match id.parse() {
        Ok(id @ 1..=0xfffe) if !name.is_empty() => Ok((id, name.as_bytes().to_vec())),
        Ok(_) if name.is_empty() => Err("the name of the topic is missing".to_owned()),
        _ => Err(format!("'{id}' is no topic id from 1 to 65534")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_an_id_and_a_name() {
        assert_eq!(topic("5=a/b=c"), Ok((5, b"a/b=c".to_vec())));
        for wrong in ["5", "0=a", "65535=a", "x=a", "5="] {
            assert!(topic(wrong).is_err(), "{wrong}");
        }
    }
}
