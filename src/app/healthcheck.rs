//! `trailrisk healthcheck`: whether the daemon of this configuration is alive.

use std::time::Duration;

use super::{ConfigSource, Exit, Failure};
use crate::cli::HealthcheckArgs;
use crate::{admin, config};

/// Longest wait for one step of the answer.
const TIMEOUT: Duration = Duration::from_secs(3);

pub(super) fn run(args: &HealthcheckArgs) -> Result<Exit, Failure> {
    let ConfigSource { file, environment, overrides } = ConfigSource::of(&args.config)?;
    let (listen, rest) = config::admin_listen(&file, &environment, &overrides);
    admin::healthcheck(listen, TIMEOUT).map_err(|error| match rest {
        // The likelier reason that nobody answers.
        Err(broken) => Failure::config(broken),
        Ok(()) => Failure::new(Exit::Failed, error),
    })?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener};

    use super::*;
    use crate::cli::ConfigArgs;

    /// A daemon that answers one question.
    fn alive() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nok\n").unwrap();
        });
        address
    }

    fn check(file: &str, overrides: &[String]) -> Result<Exit, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("trailrisk.yaml");
        std::fs::write(&config, file).unwrap();
        run(&HealthcheckArgs { config: ConfigArgs { config, overrides: overrides.to_vec() } })
    }

    /// WN-7: over a file that is broken the daemon goes on with what it has. Whoever restarts it because of the file has
    /// it end for good (exit code 78).
    #[test]
    fn wn_7_a_daemon_that_goes_on_over_a_broken_file_is_alive() {
        let at = |address: SocketAddr| format!("admin: {{listen: '{address}'}}\n");
        for broken in ["detections: {window: 5 parsecs}\n", "source: {stream: \"${file:gone}\"}\n", "sink: []\n"] {
            assert_eq!(check(&format!("{broken}{}", at(alive())), &[]).ok(), Some(Exit::Ok), "{broken}");
        }
        let listen = || format!("admin.listen={}", alive());
        assert_eq!(check("]: no YAML", &[listen()]).ok(), Some(Exit::Ok));
        assert_eq!(check("admin: 5\n", &[listen()]).ok(), Some(Exit::Ok));
    }

    #[test]
    fn a_broken_file_is_said_where_nobody_answers() {
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let failure = check(&format!("admin: {{listen: '{nobody}'}}\nsink: []\n"), &[]).unwrap_err();
        assert_eq!(failure.exit, Exit::Config);
        assert!(format!("{:#}", failure.error).contains("did you mean sinks?"), "{:#}", failure.error);
    }
}
