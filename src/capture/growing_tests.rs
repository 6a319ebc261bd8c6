use std::fs;
use std::io::Write as _;

use super::super::testing::{Pcap, collect};
use super::*;
