//! The demo's output: styled at a terminal, plain in a file.

use std::{
    io::{IsTerminal, Write},
    net::SocketAddr,
    path::Path,
    sync::LazyLock,
    time::Duration,
};

static COLOURS: LazyLock<bool> = LazyLock::new(|| std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none());

const WIDTH: usize = 96;

fn styled(code: &str, text: &str) -> String {
    if *COLOURS { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

pub fn bold(text: &str) -> String {
    styled("1", text)
}

pub fn dim(text: &str) -> String {
    styled("2", text)
}

pub fn green(text: &str) -> String {
    styled("32", text)
}

pub fn yellow(text: &str) -> String {
    styled("33", text)
}

/// Prints a step's heading.
pub fn heading(method: &str, what: &str) {
    println!("\n{} {}", bold(what), dim(&format!("· {method}")));
}

/// Prints text, wrapped and indented.
pub fn block(text: &str) {
    for line in text.lines() {
        for part in wrap(line) {
            println!("  {part}");
        }
    }
}

/// Prints what one person wrote.
pub fn message(who: &str, text: &str) {
    let mut who = format!("{who}: ");
    for line in text.lines().flat_map(wrap) {
        println!("  {}{line}", dim(&who));
        who = " ".repeat(who.chars().count());
    }
}

/// Prints how long a step took, and what produced its result.
pub fn took(time: Duration, by: &str) {
    let milliseconds = time.as_secs_f64() * 1000.0;
    println!("  {}", dim(&format!("{milliseconds:.1} ms{}{by}", if by.is_empty() { "" } else { " · " })));
}

/// Prints a chunk of a stream at once, wrapped.
pub fn stream(piece: &str, column: &mut usize) {
    for word in piece.split_inclusive([' ', '\n']) {
        let width = word.trim_end().chars().count();
        if *column == 0 || *column + width > WIDTH {
            print!("{}  ", if *column == 0 { "" } else { "\n" });
            *column = 1;
        }
        if let Some(word) = word.strip_suffix('\n') {
            println!("{word}");
            *column = 0;
        } else {
            print!("{word}");
            *column += word.chars().count();
        }
    }
    // The terminal may be gone; then there is nothing to show.
    let _ = std::io::stdout().flush();
}

fn wrap(line: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for word in line.split(' ') {
        let last = parts.last_mut().expect("it begins with one");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > WIDTH {
            parts.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    parts
}

/// Prints what to try next.
pub fn invite(address: SocketAddr, folder: &Path) {
    println!("\n{}", bold("Now try it yourself"));
    println!("listening on {address}");
    println!("  The shop's articles are in {}; change one and search for it again.", folder.display());
    println!("  In a browser:");
    println!("    {}  the help page with its search box", green(&format!("http://{address}/help")));
    println!("    {}  the agents' console", green(&format!("http://{address}/console#chat-elif-web")));
    println!("  From another terminal:");
    for call in [
        format!("deskhand call -a {address} KnowledgeService/Search -d '{{\"query\": \"iade sur\", \"language\": \"tr\"}}'"),
        format!(
            "deskhand call -a {address} ReplyService/SuggestAnswers -d '{{\"chatId\": \"chat-elif-web\", \"agent\": {{\"name\": \"Selin\"}}}}'"
        ),
        format!(
            "deskhand call -a {address} ReplyService/DraftReply -d '{{\"chatId\": \"chat-elif-web\", \"agent\": {{\"name\": \"Selin\"}}}}'"
        ),
        format!("grpcurl -plaintext {address} list"),
    ] {
        println!("    {}", green(&call));
    }
    println!("  (`deskhand` is target/release/deskhand, or `cargo run --release --`.) Ctrl-C stops it.");
}
