//! `trailrisk completions` and `trailrisk man`: what a shell and `man` know of the commands. Both come from the
//! declarations that the command line itself is read with.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::{Exit, Failure};
use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::spl::did_you_mean;

/// What stands in the middle of the foot of each page.
const MANUAL: &str = "trailrisk manual";

pub(super) fn completions(args: &CompletionsArgs, out: &mut dyn Write) -> io::Result<Exit> {
    // The generator panics where it cannot write: it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "trailrisk", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Ok)
}

pub(super) fn man(args: &ManArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    match &args.all {
        Some(folder) => write_all(&root, folder)?,
        None => page(find(&root, &args.command)?, out)?,
    }
    Ok(Exit::Ok)
}

fn find<'c>(root: &'c Command, path: &[String]) -> Result<&'c Command, Failure> {
    path.iter().try_fold(root, |command, name| {
        let names = || command.get_subcommands().map(Command::get_name);
        let unknown = || anyhow::anyhow!("there is no command {name:?}{}", did_you_mean(name, names()));
        command.find_subcommand(name).ok_or_else(|| Failure::new(Exit::Usage, unknown()))
    })
}

fn write_all(command: &Command, folder: &Path) -> Result<(), Failure> {
    let path = folder.join(Man::new(command.clone()).get_filename());
    let write = || {
        let mut file = BufWriter::new(File::create(&path)?);
        page(command, &mut file)?;
        file.flush()
    };
    write().map_err(|error| {
        Failure::new(Exit::Usage, anyhow::anyhow!("the page {} cannot be written: {error}", path.display()))
    })?;
    command.get_subcommands().try_for_each(|command| write_all(command, folder))
}

fn page(command: &Command, out: &mut dyn Write) -> io::Result<()> {
    let man = Man::new(command.clone()).manual(MANUAL);
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    if command.get_subcommands().next().is_some() {
        man.render_subcommands_section(out)?;
    }
    man.render_options_section(out)?;
    let below = command.get_after_long_help().or(command.get_after_help());
    below.map_or(Ok(()), |text| sections(&text.to_string(), out))
}

/// What stands below the help: lines `Heading:` become sections, and what is indented below them keeps its lines, which
/// the generator of the other sections would run into one paragraph.
fn sections(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut is_open = false;
    for line in text.lines() {
        match line.strip_suffix(':').filter(|_| !line.starts_with(' ')) {
            Some(heading) => {
                let end = if is_open { ".fi\n" } else { "" };
                write!(out, "{end}.SH {}\n.nf\n", escaped(&heading.to_uppercase()))?;
                is_open = true;
            }
            None => writeln!(out, "{}", escaped(line.trim_start_matches("  ")))?,
        }
    }
    if is_open { writeln!(out, ".fi") } else { Ok(()) }
}

/// As text that roff shows as it is.
fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq").replace('`', "\\(ga");
    if line.starts_with('.') { format!("\\&{line}") } else { line }
}
