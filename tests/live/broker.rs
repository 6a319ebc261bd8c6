//! A mosquitto of our own, and its clients.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::sniffer::PATIENCE;

/// A program that is ended when the test is done with it, however it is done.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Ends it at once.
    pub(crate) fn stop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A broker on a port of its own that only this machine reaches.
pub(crate) struct Broker {
    port: u16,
    _process: Running,
    _folder: TempDir,
}

impl Broker {
    /// Starts it and waits until it listens; an error says why it could not be.
    pub(crate) fn start() -> Result<Self, String> {
        for client in ["mosquitto_pub", "mosquitto_sub"] {
            find(client).ok_or_else(|| format!("{client} is not installed"))?;
        }
        let program = find("mosquitto").ok_or("mosquitto is not installed")?;
        // The port is free a moment later as well, unless somebody else asks at the same time: then try again.
        for _ in 0..5 {
            let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            let folder = tempfile::tempdir().unwrap();
            let config = folder.path().join("mosquitto.conf");
            let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n");
            std::fs::write(&config, text).unwrap();
            let mut process = Running(
                Command::new(program)
                    .arg("-c")
                    .arg(&config)
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .map_err(|error| format!("mosquitto can't be started: {error}"))?,
            );
            if listens(port, &mut process) {
                return Ok(Self { port, _process: process, _folder: folder });
            }
        }
        Err("mosquitto was started, and does not listen".into())
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    fn client(&self, name: &str, version: &str, topic: &str, qos: u8) -> Command {
        let mut command = Command::new(find(name).unwrap());
        command
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-V", version, "-t", topic, "-q", &qos.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// Publishes a message, and returns when the client is done with it.
    pub(crate) fn publish(&self, version: &str, topic: &str, qos: u8, payload: &str) {
        let status = self.client("mosquitto_pub", version, topic, qos).args(["-m", payload]).status().unwrap();
        assert!(status.success(), "mosquitto_pub: {status}");
    }

    /// A client that stays subscribed until it is stopped.
    pub(crate) fn subscribe(&self, version: &str, topic: &str, qos: u8) -> Running {
        Running(self.client("mosquitto_sub", version, topic, qos).spawn().unwrap())
    }
}

/// Whether a connection is taken before patience or the process ends.
fn listens(port: u16, process: &mut Running) -> bool {
    let began = Instant::now();
    while began.elapsed() < PATIENCE && process.0.try_wait().unwrap().is_none() {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// A program by name; a broker stands where only root's PATH leads.
fn find(name: &str) -> Option<&'static Path> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file())?;
    Some(Box::leak(found.into_boxed_path()))
}
