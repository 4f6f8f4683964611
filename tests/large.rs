//! Large files are searched through a buffer and written from a second reading; small ones, and pipes,
//! are in memory as a whole. Both have to give the same.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use secretary_envelope::{NaclBox, SecretKey};

struct Case {
    folder: tempfile::TempDir,
    keys: [(&'static str, String); 2],
    seal: NaclBox,
}

impl Case {
    fn new() -> Self {
        let (config, master) = (SecretKey::from(&[1; 32]), SecretKey::from(&[2; 32]));
        let line = |pem: &str| pem.lines().nth(1).expect("the second of three lines").to_string();
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            keys: [
                ("DEPLOY_PRIVATE_KEY", line(&master.to_pem())),
                ("CONFIG_PUBLIC_KEY", line(&config.public_key().to_pem())),
            ],
            seal: NaclBox::agree(&config, &master.public_key()).expect("good keys"),
        }
    }

    /// A text of some megabytes with tokens of all lengths everywhere, and what it decrypts to.
    fn text(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut sealed, mut opened) = (Vec::new(), Vec::new());
        // Lengths that put tokens across every border of a buffer, and some that are larger than one.
        for n in 0..400_usize {
            let plain =
                vec![b'a' + (n % 26) as u8; if n % 90 == 7 { 300_000 } else { n * n % 5000 }];
            let between = vec![b'-'; n * 977 % 9000];
            for text in [&mut sealed, &mut opened] {
                text.extend_from_slice(&between);
                text.extend_from_slice(b"ENC[NACL,\n");
            }
            sealed.extend_from_slice(
                self.seal.seal(&plain.as_slice().into()).expect("random").as_bytes(),
            );
            opened.extend_from_slice(&plain);
        }
        assert!(sealed.len() > 4 << 20);
        (sealed, opened)
    }

    fn decrypt(&self, args: &[&str], input: Option<&[u8]>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secretary"));
        command
            .arg("decrypt")
            .args(args)
            .env_clear()
            .envs(self.keys.clone())
            .current_dir(&self.folder);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let mut stdin = child.stdin.take().expect("piped");
        std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(input.unwrap_or_default()));
            child.wait_with_output().expect("waited for")
        })
    }
}

#[test]
fn a_file_a_pipe_and_an_output_file_give_the_same() {
    let case = Case::new();
    let (sealed, opened) = case.text();
    fs::write(case.folder.path().join("large"), &sealed).expect("written");
    for (args, input) in [(vec!["large"], None), (vec!["-"], Some(sealed.as_slice()))] {
        let output = case.decrypt(&args, input);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(
            output.stdout == opened,
            "{args:?}: {} bytes for {}",
            output.stdout.len(),
            opened.len()
        );
    }
    assert!(case.decrypt(&["large", "-o", "out"], None).status.success());
    assert!(fs::read(case.folder.path().join("out")).expect("read") == opened);
    // A device takes another way; where there is none of the name, it is a file's.
    #[cfg(unix)]
    assert!(case.decrypt(&["large", "-o", "/dev/null"], None).status.success());
}

#[test]
fn failures_are_listed_alike() {
    let case = Case::new();
    let (sealed, _) = case.text();
    let mut broken = sealed.clone();
    for start in
        (0..sealed.len()).rev().filter(|&at| sealed[at..].starts_with(b"ENC[NACL,")).step_by(40)
    {
        broken.splice(start..start, *b"\nENC[NACL,AAAA]");
    }
    fs::write(case.folder.path().join("large"), &broken).expect("written");
    let (file, pipe) = (case.decrypt(&["large"], None), case.decrypt(&[], Some(&broken)));
    assert_eq!((file.status.code(), file.stdout.len()), (Some(5), 0));
    let file = String::from_utf8(file.stderr).expect("text");
    let pipe = String::from_utf8(pipe.stderr).expect("text");
    assert!(file.lines().count() > 15, "{file}");
    assert_eq!(file.replace("large:", "standard input:"), pipe);
}

#[test]
fn a_large_file_without_tokens_stays_as_it_is() {
    let case = Case::new();
    let text = b"ENC[NACL,never closed\nENC[".repeat(100_000);
    fs::write(case.folder.path().join("large"), &text).expect("written");
    assert!(case.decrypt(&["large"], None).stdout == text);
}
