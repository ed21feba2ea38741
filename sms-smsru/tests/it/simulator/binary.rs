use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(20);

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_smsru-simulator"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn the_program_says_where_it_serves_and_stops_on_either_signal() {
    for signal in ["-TERM", "-INT"] {
        let mut program = start(&[
            "--listen",
            "127.0.0.1:0",
            "--api-id",
            "KEY",
            "--balance",
            "7.50",
            "--sender",
            "Acme",
        ]);
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let first = timeout(LIMIT, lines.next_line()).await.unwrap().unwrap().unwrap();
        let address = first.strip_prefix("sms.ru simulator: ").unwrap();
        let mut said = String::new();
        while !said.contains("control:") {
            said.push_str(&timeout(LIMIT, lines.next_line()).await.unwrap().unwrap().unwrap());
        }
        assert!(
            said.contains(&format!(
                "smsru+http://KEY@{}",
                address.strip_prefix("http://").unwrap()
            )),
            "{said}"
        );
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let balance = client.get(format!("{address}/my/balance?api_id=KEY")).send().await.unwrap();
        assert_eq!(balance.text().await.unwrap(), "100\n7.50");
        let id = program.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
        assert!(timeout(LIMIT, program.wait()).await.unwrap().unwrap().success(), "{signal}");
    }
}

#[tokio::test]
async fn the_program_refuses_an_address_beyond_loopback_and_explains_itself() {
    for (arguments, code, said) in [
        (&["--listen", "0.0.0.0:0"][..], 1, "loopback"),
        (&["--balance", "much"], 2, "amount"),
        (&["--login", "79250000000"], 2, "--password"),
    ] {
        let mut program = start(arguments);
        let mut words = String::new();
        program.stderr.take().unwrap().read_to_string(&mut words).await.unwrap();
        assert_eq!(
            timeout(LIMIT, program.wait()).await.unwrap().unwrap().code(),
            Some(code),
            "{arguments:?}"
        );
        assert!(words.contains(said), "{words}");
    }
}
