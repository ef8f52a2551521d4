//! `greenroom explain`: a page for each code.

use std::fmt::Write;

use clap::Args;
use serde_json::json;

use super::exit::{Code, Failure};
use super::output::{self, nearest};
use super::{Format, Settings};

/// Explains a code: a refusal's type, an outcome's type, why a message was lost, or an exit code.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  greenroom explain                 list all codes
  greenroom explain mailbox-full    a refusal
  greenroom explain trap            an outcome
  greenroom explain 6               an exit code")]
pub(super) struct Explain {
    /// The code; without it all are listed
    code: Option<String>,
}

/// All pages, as they are read here: `# CHAPTER`, `## CODE`, one line of summary, the text.
const PAGES: &str = include_str!("explain/pages.md");

#[derive(Clone, Copy)]
struct Page {
    chapter: &'static str,
    code: &'static str,
    summary: &'static str,
    text: &'static str,
}

impl Explain {
    pub(super) fn run(self, settings: Settings) -> Result<Code, Failure> {
        match &self.code {
            Some(code) => page(code, settings.format)?,
            None => list(settings.format)?,
        }
        Ok(Code::Ok)
    }
}

fn list(format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        let list = pages().map(|page| json!({"code": page.code, "summary": page.summary}));
        return output::json(&list.collect());
    }
    let mut text = String::new();
    let mut chapter = "";
    for page in pages() {
        if page.chapter != chapter {
            chapter = page.chapter;
            // Writing to a string cannot fail.
            _ = writeln!(text, "{}{chapter}", if text.is_empty() { "" } else { "\n" });
        }
        _ = writeln!(text, "  {:<20}{}", page.code, page.summary);
    }
    output::result(text.trim_end())
}

fn page(code: &str, format: Format) -> Result<(), Failure> {
    let page = find(code).ok_or_else(|| unknown(code))?;
    if format == Format::Json {
        return output::json(&json!({"code": page.code, "summary": page.summary, "text": page.text}));
    }
    output::result(format_args!("{}: {}\n\n{}", page.code, page.summary, page.text))
}

fn find(code: &str) -> Option<Page> {
    let code = code.to_ascii_lowercase();
    pages().find(|page| page.code == code || page.code.strip_prefix("exit-") == Some(&code))
}

fn unknown(code: &str) -> Failure {
    let help = match nearest(code, pages().map(|page| page.code)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "greenroom explain lists all codes".to_owned(),
    };
    Failure::new(Code::NotFound, format!("there is no code `{code}`")).help(help)
}

fn pages() -> impl Iterator<Item = Page> {
    let chapters = PAGES.split("\n# ").skip(1);
    chapters.flat_map(|text| {
        let (chapter, pages) = text.split_once('\n').unwrap_or((text, ""));
        pages.split("\n## ").skip(1).map(move |text| {
            let (code, text) = text.split_once('\n').unwrap_or((text, ""));
            let (summary, text) = text.split_once("\n\n").unwrap_or((text, ""));
            Page { chapter, code, summary, text: text.trim_end() }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::events::Loss;
    use crate::outcome::ExceptionKind;
    use crate::refusal::RefusalKind;

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let refusals = RefusalKind::ALL.iter().map(|kind| kind.as_str().to_owned());
        let outcomes = ExceptionKind::ALL.iter().map(|kind| kind.as_str().to_owned());
        let exits = Code::ALL.iter().map(|code| format!("exit-{}", *code as u8));
        let losses = Loss::ALL.iter().map(|loss| loss.as_str().to_owned());
        let mut codes: Vec<String> = refusals.chain(outcomes).chain(exits).chain(losses).collect();
        codes.sort();
        // What is in two lists, as `limit` is, has one page.
        codes.dedup();
        let mut explained: Vec<&str> = pages().map(|page| page.code).collect();
        explained.sort();
        assert_eq!(explained, codes);
    }

    #[test]
    fn every_page_has_a_summary_of_one_line_and_a_text() {
        for page in pages() {
            assert!(page.summary.ends_with('.') && !page.summary.contains('\n'), "{}", page.code);
            assert!(page.text.contains("When: ") || page.code == "exit-0", "{}", page.code);
        }
    }

    #[test]
    fn an_exit_code_is_found_by_its_number() {
        assert_eq!(find("6").map(|page| page.code), Some("exit-6"));
        assert_eq!(find("exit-130").map(|page| page.code), Some("exit-130"));
        assert_eq!(find("Trap").map(|page| page.code), Some("trap"));
        assert!(find("0x6").is_none());
    }

    #[test]
    fn an_unknown_code_comes_with_the_one_that_was_meant() {
        assert_eq!(unknown("mailbox-ful").help.as_deref(), Some("did you mean `mailbox-full`?"));
        assert_eq!(unknown("weather").code, Code::NotFound);
    }
}
