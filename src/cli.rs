//! What was typed. Nothing is looked up here, not even in the environment.
//!
//! A run uses one command, and describing the flags of all would be most of what a short run does. So
//! the enums of commands are `defer`: a command's struct is looked at when that command is typed.

#![allow(missing_docs, reason = "a struct's documentation would replace the help of its command")]
#![allow(rustdoc::broken_intra_doc_links, reason = "help is no page, and a token in it no link")]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::failure::EXIT_CODES;

#[cfg(feature = "agent")]
mod agent;
#[cfg(any(feature = "daemon", feature = "server"))]
mod audit;
mod daemon;
#[cfg(feature = "setec")]
mod secret;
#[cfg(feature = "agent")]
mod secret_helper;
#[cfg(feature = "server")]
mod server;
mod setec;
mod toolchain;

#[cfg(feature = "agent")]
pub use agent::{Agent, AgentCommand, AgentInstall, AgentProvider, AgentTest};
#[cfg(any(feature = "daemon", feature = "server"))]
pub use audit::{Audit, AuditCommand, AuditVerify};
pub use daemon::AskFlags;
#[cfg(feature = "daemon")]
pub use daemon::{ClusterFlags, Daemon};
#[cfg(feature = "setec")]
pub use secret::{
    SecretArgs, SecretCommand, SecretCreateVersion, SecretGet, SecretPut, ValueFlags,
};
#[cfg(feature = "agent")]
pub use secret_helper::{SecretHelper, SecretHelperCommand, SecretHelperRead};
#[cfg(feature = "server")]
pub use server::{
    CallerFlags, IdentityKind, KekFlags, PolicyCommand, PolicyTest, Server, ServerCommand,
    ServerFlags, ServerToken,
};
pub use setec::{CertificateFlags, SetecFlags};
pub use toolchain::{Decrypt, Encrypt, Exec, Genkeys, KmsFlags, OpenKeys, SealKeys};

/// The most columns of help.
const WIDTH: usize = 100;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "secretary",
    version,
    about = "Gets secrets from a config repository into a running program",
    after_help = "Start with `secretary genkeys`, then `echo -n secret | secretary encrypt`.",
    after_long_help = EXIT_CODES,
    subcommand_required = true,
    arg_required_else_help = true,
    args_override_self = true,
    max_term_width = WIDTH
)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// The command line for a script that completes it. `help` has the commands that are known when it
    /// is made, so the flags and commands of those that have commands of their own are described now.
    pub fn with_commands_of_commands() -> clap::Command {
        Self::command().mut_subcommands(|command| match command.get_name() {
            #[cfg(feature = "agent")]
            "agent" => described::<Agent>(command),
            #[cfg(feature = "agent")]
            "secret-helper" => described::<SecretHelper>(command),
            #[cfg(any(feature = "daemon", feature = "server"))]
            "audit" => described::<Audit>(command),
            #[cfg(feature = "setec")]
            "secret" => described::<SecretArgs>(command),
            #[cfg(feature = "server")]
            "server" => described::<Server>(command),
            _ => command,
        })
    }
}

/// `command` with what it would otherwise get when it is typed.
#[cfg(any(feature = "agent", feature = "daemon", feature = "server", feature = "setec"))]
fn described<A: Args>(command: clap::Command) -> clap::Command {
    A::augment_args(command).defer(|command| command)
}

/// The commands.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Make key pairs
    ///
    /// Each NAME gives two files, NAME-public-key.pem (0644) and NAME-private-key.pem (0600). An
    /// existing file is never replaced without --force.
    #[command(after_long_help = "\
Examples:
  secretary genkeys                 master and config pairs in ./keys/
  secretary genkeys myservice       one pair more
  secretary genkeys --print deploy  a pair as lines for an app's environment")]
    Genkeys(Genkeys),
    /// Encrypt standard input, or what is typed, into a token
    ///
    /// Prints one ENC[NACL,..] token, or with an AWS KMS key one ENC[KMS,..] token, without a newline,
    /// to be pasted into a config file. On a terminal it asks for the secret and does not show it.
    #[command(after_long_help = "\
Examples:
  echo -n secret | secretary encrypt
  secretary encrypt --trim < password.txt
  secretary encrypt --public-key prod/keys/master-public-key.pem \\
                    --private-key prod/keys/config-private-key.pem
  secretary encrypt --kms-key-id alias/prod --kms-context app=web < password.txt
  secretary encrypt --lines < passwords.txt    a token for each line")]
    Encrypt(Encrypt),
    /// Decrypt the tokens in a file, in standard input or in the environment
    ///
    /// Every token is replaced by its plaintext and every other byte stays. When one token does not
    /// open, nothing is written at all.
    ///
    /// ENC[NACL,..] opens with keys and ENC[KMS,..] by AWS KMS, or both by a daemon. For ENC[SETEC,NAME] a secrets server
    /// is asked, for the active version of that secret, and for ENC[SETEC,NAME@VERSION] for the one of that number.
    #[command(after_long_help = "\
Examples:
  secretary decrypt config.yml               print the file with its tokens opened
  secretary decrypt config.yml -o out.yml    replace out.yml as a whole, mode 0600
  eval \"$(secretary decrypt -e)\"             open this shell's variables
  secretary decrypt -e --env-file /etc/environment.encrypted \\
      --format systemd -o /run/app.env       for a unit's ExecStartPre=")]
    Decrypt(Decrypt),
    /// Start a program with its environment and arguments decrypted
    ///
    #[cfg_attr(
        not(windows),
        doc = "This process becomes the program: same process id, no shell, no child."
    )]
    #[cfg_attr(
        windows,
        doc = "Starts the program, waits for it and leaves with its exit code; Ctrl-C is left to the program. There is no shell in between."
    )]
    /// When one token does not open, nothing is started; `secretary decrypt --help` says who opens which. The variables that hold keys are not passed on: *_PRIVATE_KEY,
    /// the public keys of master, config, deploy and service, and those that a flag named. A variable
    /// that held a token is always passed on.
    #[command(after_long_help = "\
Examples:
  secretary exec -- /usr/bin/myservice --port 8080
  ENTRYPOINT [\"secretary\", \"exec\", \"--\"]       in a Dockerfile

Exit codes: 125 when secretary itself fails, 126 when the program can't be run, 127 when it is not
found, and otherwise the program's own.")]
    Exec(Exec),
    /// Decrypt for containers that hold no key of their own but a deploy key
    ///
    /// Asks Marathon, Mesos or a file which workload somebody is who calls, and which secrets it may have;
    /// the Go program's clients work with it unchanged.
    #[cfg_attr(
        not(windows),
        doc = "SIGTERM ends it when the requests that there are have been answered. SIGHUP makes it read again --workloads, the certificate and the files for authorization, and go on in a new --audit-log if the old one was renamed."
    )]
    #[cfg_attr(
        windows,
        doc = "Ctrl-C ends it when the requests that there are have been answered, as do Ctrl-Break, closing its window and shutting down. It reads files once: to read changed ones, start it again."
    )]
    #[cfg(feature = "daemon")]
    #[command(after_long_help = "\
Examples:
  secretary daemon --marathon-url http://marathon.mesos:8080 \\
      --tls-cert-file daemon.crt --tls-key-file daemon.key --audit-log /var/log/secretary/audit.log
  secretary daemon --ip 127.0.0.1 --workloads workloads.toml    without a cluster

A file of workloads:
  [[workload]]
  task = \"myservice\"         # what it has in $MESOS_TASK_ID; or app = \"/group/app\", or both
  deploy_public_key = \"...\"  # from `secretary genkeys --print deploy`
  secrets = [\"ENC[NACL,...]\", \"ENC[KMS,...]\"]

In a file that ends in .json it is {\"workload\": [{\"task\": ...}]}. There may be service_public_key,
too, and secrets_sha256, a list of what `printf %s TOKEN | sha256sum` prints.")]
    Daemon(Box<Daemon>),
    /// Read and write secrets on a server that speaks setec's API
    ///
    /// Asks as the node of a tailnet that this machine is, or with a token or a certificate.
    #[cfg(feature = "setec")]
    Secret(Box<SecretArgs>),
    /// Resolve secrets for the StackState or Datadog agent
    ///
    /// Reads an agent's request from standard input and answers on standard output: it is the executable that the
    /// agent's secret_backend_command names. What is wrong with one handle is said in the answer, for that handle alone.
    #[cfg(feature = "agent")]
    #[command(after_long_help = "\
A handle is what an agent's configuration has between ENC[ and ]:
  NACL,... or KMS,...        the secret itself, as `secretary encrypt` prints it
  SETEC,... or setec:...     NAME or NAME@VERSION, which a secrets server has, with --server
  NAME or name:NAME          what a file of --names says it stands for: text with tokens
  file@PATH                  a file below a folder of --file-root
  k8s_secret@SPACE/NAME/KEY  a key of a Kubernetes secret, with --kubernetes

Examples:
  sudo secretary agent install
  secretary agent test --user stackstate-agent --config /etc/stackstate-agent
  echo '{\"version\": \"1.0\", \"secrets\": [\"db_password\"]}' | secretary agent --names handles.toml

A file of settings, /etc/secretary/agent.toml:
  private_key = \"/etc/secretary/agent-private-key.pem\"
  config_key = \"/etc/secretary/config-public-key.pem\"
  names = [\"/etc/secretary/handles.toml\"]
  file_root = [\"/run/secrets\"]

In the agents' images `secretary secret-helper read` takes the place of their helpers; see its
--help.

Leaves with 0 when there is an answer, and with 1 and one line on standard error when the request
or the settings can't be used.")]
    Agent(Box<Agent>),
    /// Answer as the helpers in the agents' images do
    ///
    /// Takes the place of `agent secret-helper read`, and under the names readsecret.sh,
    /// readsecret_multiple_providers.sh and readsecret.py that of the scripts.
    #[cfg(feature = "agent")]
    #[command(
        hide = true,
        after_long_help = "\
Examples:
  secretary secret-helper read /etc/secret-volume
  secretary secret-helper read --with-provider-prefixes
  ln -s /usr/bin/secretary /readsecret.sh    then `/readsecret.sh /etc/secret-volume`"
    )]
    SecretHelper(SecretHelper),
    /// Keep named, versioned secrets for programs that may have them
    ///
    /// Speaks the HTTP API of tailscale/setec, whose own clients work with it unchanged. Values are encrypted on the disk;
    /// a write is durable before it is answered, and a value leaves when the audit log says so.
    ///
    /// SIGTERM ends it when the calls that there are have been answered. SIGHUP makes it read again --policy, --tokens and
    /// the certificates, and go on in a new audit log if the old one was renamed. When the key-encryption key can't be
    /// reached it starts sealed, says so at /healthz, and opens by itself.
    #[cfg(feature = "server")]
    #[command(after_long_help = "\
Examples:
  secretary server --dev
  secretary server --state-dir /var/lib/secretary --key-file /etc/secretary/server.key \\
      --tls-cert-file tls.crt --tls-key-file tls.key --tokens tokens.toml --policy policy.toml
  secretary server --state-dir /var/lib/secretary --kms-key-id alias/secrets \\
      --listen 100.64.0.7:443 --identity tailscale \\
      --tls-cert-file tls.crt --tls-key-file tls.key

A policy:
  [[grant]]
  principal = [\"token:web\", \"uri:spiffe://example.com/web\"]  # also dns:, email:, user:, tag:
  action = [\"get\", \"info\"]    # also put, create-version, activate, delete; none implies another
  secret = [\"prod/web/*\"]     # * is any text, / included

Each flag but --dev and --config may be a variable, SECRETARY_SERVER_STATE_DIR for
instance, and setec's SETEC_STATE_DIR and SETEC_KMS_KEY_NAME are taken, too. What is typed
counts, then variables, then the file. --dev uses neither variables nor a file.")]
    Server(Box<Server>),
    /// Check keys, tokens and what each command would use
    ///
    /// Prints no secret. Leaves with 1 when there is a problem; warnings alone leave with 0.
    #[command(after_long_help = "\
Examples:
  secretary doctor
  secretary doctor config.yml    and which keys open its tokens")]
    Doctor(Doctor),
    /// Verify the audit log of a daemon or server
    #[cfg(any(feature = "daemon", feature = "server"))]
    Audit(Audit),
    /// Print the version
    Version(Version),
    /// Print a completion script for a shell
    #[command(after_long_help = "\
Examples:
  secretary completion bash > /etc/bash_completion.d/secretary
  secretary completion zsh > ~/.zfunc/_secretary")]
    Completion {
        /// The shell
        shell: Shell,
    },
    /// Print a manual page, or write all of them
    #[command(after_long_help = "\
Examples:
  secretary man decrypt | man -l -
  secretary man --out /usr/share/man/man1")]
    Man(Man),
}

// `doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// Files whose tokens are tried, or - for standard input; without any, the environment's are
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Vec<PathBuf>,
    /// Folder with keys
    #[arg(long, value_name = "DIR", default_value = crate::keys::FOLDER, value_hint = ValueHint::DirPath)]
    pub path: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

// `version`
#[derive(Debug, Args)]
pub struct Version {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

// `man`
#[derive(Debug, Args)]
pub struct Man {
    /// The command whose page to print
    #[arg(conflicts_with = "out")]
    pub command: Vec<String>,
    /// Write all pages to this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
}

/// A time that a person or a supervisor would wait.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_suffix('s').unwrap_or(text).parse().ok();
    let seconds = seconds.filter(|seconds| (0.1..=3600.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or("it takes seconds, 0.1 to 3600".to_string())
}

/// A number that is not nothing.
#[cfg(any(feature = "daemon", feature = "server"))]
fn count(text: &str) -> Result<std::num::NonZeroU32, String> {
    text.parse().map_err(|_| "it takes a number, 1 or more".to_string())
}

/// The words that Go's `strconv.ParseBool` takes, for `--wrap=false` and the like.
pub(crate) fn switch(word: &str) -> Result<bool, String> {
    match word {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("it takes true or false".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_command_keeps_its_texts_when_its_flags_are_described() {
        fn texts(command: &clap::Command) -> [Option<String>; 2] {
            [command.get_about(), command.get_long_about()]
                .map(|text| text.map(ToString::to_string))
        }
        fn check_below(command: &mut clap::Command) -> usize {
            let mut checked = 0;
            for below in command.get_subcommands_mut() {
                let before = texts(below);
                below.render_help();
                assert_eq!(texts(below), before, "{}", below.get_name());
                checked += 1 + check_below(below);
            }
            checked
        }
        assert!(check_below(&mut Cli::command()) >= 8);
    }

    /// The ends of help: as a rule, examples.
    fn ends(command: &clap::Command) -> [String; 2] {
        let short = command.get_after_help();
        let long = command.get_after_long_help().or(short);
        [short, long].map(|end| end.map(ToString::to_string).unwrap_or_default())
    }

    /// Lines of the help of a command, and of those below it, that are too wide or were wrapped where nobody wants that.
    fn unfit_lines(command: &mut clap::Command) -> Vec<String> {
        let helps =
            [command.render_help(), command.render_long_help()].map(|help| help.to_string());
        let mut unfit = Vec::new();
        for (help, end) in helps.iter().zip(ends(command)) {
            let wide = help.lines().filter(|line| line.chars().count() > WIDTH);
            let is_whole = |line: &&str| help.lines().any(|other| other == *line);
            let broken = end.lines().filter(|line| !is_whole(line));
            unfit.extend(wide.chain(broken).map(|line| format!("{}: {line}", command.get_name())));
        }
        unfit.extend(command.get_subcommands_mut().flat_map(unfit_lines));
        unfit
    }

    #[test]
    fn no_line_of_help_is_too_wide_and_no_example_is_broken() {
        let mut program = Cli::with_commands_of_commands().term_width(WIDTH);
        program.build();
        assert!(program.get_subcommands().all(|command| command.get_about().is_some()));
        assert_eq!(unfit_lines(&mut program), [""; 0]);
        // A usage is never wrapped.
        let wide = clap::Command::new("wide").term_width(WIDTH).after_help("a ".repeat(WIDTH));
        let mut wide = wide.override_usage("a ".repeat(WIDTH));
        assert_eq!(unfit_lines(&mut wide).len(), 4);
    }

    #[test]
    fn help_is_completed_with_the_commands_of_commands() {
        fn names(command: &clap::Command) -> Vec<&str> {
            let names = command.get_subcommands().map(clap::Command::get_name);
            names.filter(|name| *name != "help").collect()
        }
        let mut program = Cli::with_commands_of_commands();
        program.build();
        let help = program.find_subcommand("help").unwrap();
        for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
            let of_help = help.find_subcommand(command.get_name()).unwrap();
            assert_eq!(names(of_help), names(command), "{}", command.get_name());
        }
    }

    #[test]
    fn a_time_is_neither_too_short_nor_for_ever() {
        assert_eq!(seconds("2.5"), Ok(Duration::from_millis(2500)));
        assert_eq!(seconds("10s"), Ok(Duration::from_secs(10)));
        for text in ["", "0", "-1", "NaN", "inf", "1e9", "5m"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn switches_take_the_words_go_takes() {
        assert_eq!(switch("T"), Ok(true));
        assert_eq!(switch("False"), Ok(false));
        assert!(switch("yes").is_err());
    }
}
