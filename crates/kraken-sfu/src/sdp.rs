//! The texts of session descriptions: what is taken out of those that come in, and what clients
//! expect in those that go out.
//!
//! Everything here works on lines. Parsing is left to the WebRTC stack, which sees a description
//! only after it has been cut down to what the SFU uses.

use crate::error::Error;
use crate::guard::guarded;
use crate::ids::UserId;

/// The most media sections that a description may have.
const MOST_SECTIONS: usize = 1_024;
/// The most sections that a client may add to a call.
const MOST_OFFERED: usize = 32;
/// The most lines of one section. Chromium's video section has about 150.
const MOST_LINES: usize = 1_000;
/// The most codecs of one section. Chromium offers up to 40.
const MOST_FORMATS: usize = 100;
/// Characters of what the parser says about a description that it can't read.
const LONGEST_REASON: usize = 200;

/// Who is heard on a media section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Speaker {
    pub(crate) user: UserId,
    /// The name of the track, which no other section of a description may have.
    pub(crate) track: String,
}

/// Cuts an offer of a client down to what the SFU uses. `is_ours` tells which media sections are
/// the SFU's own: there the client receives.
///
/// - Candidates go: a peer is found by the packets that it sends.
/// - Layers go, so that the client sends one.
/// - Sections of the client become send-only, so that the answer names no stream. Chromium would
///   announce one to the page.
pub(crate) fn offer(
    text: &str,
    limit: usize,
    is_ours: impl Fn(&str) -> bool,
) -> Result<String, Error> {
    let sections = sections(text, limit)?;
    let mut added = 0;
    let mut kept = Vec::new();
    for section in &sections {
        let ours = section.mid().is_some_and(&is_ours);
        if !ours && section.is_media() {
            added += 1;
        }
        section.keep_offered(ours, &mut kept);
    }
    if added > MOST_OFFERED {
        return Err(Error::InvalidSdp(format!(
            "has {added} media sections, the maximum is {MOST_OFFERED}"
        )));
    }
    Ok(join(&kept))
}

/// Cuts an answer of a client down to what the SFU uses: all but candidates.
pub(crate) fn answer(text: &str, limit: usize) -> Result<String, Error> {
    let sections = sections(text, limit)?;
    let lines = sections.iter().flat_map(|section| &section.lines);
    let kept: Vec<&str> = lines.copied().filter(|line| !is_candidate(line)).collect();
    Ok(join(&kept))
}

/// Lets the WebRTC stack read a description.
pub(crate) fn parse<T, E: ToString>(read: impl FnOnce() -> Result<T, E>) -> Result<T, Error> {
    match guarded(read) {
        Some(Ok(description)) => Ok(description),
        Some(Err(error)) => Err(Error::InvalidSdp(reason(&error.to_string()))),
        None => Err(Error::InvalidSdp("can't be read".to_owned())),
    }
}

/// What the parser didn't like, without where in memory that was.
fn reason(error: &str) -> String {
    let lines = error.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.contains("PointerOffset"));
    let reason = lines.collect::<Vec<_>>().join(", ");
    reason.chars().take(LONGEST_REASON).collect()
}

/// Names the streams of a description that goes out: a section that carries somebody has the
/// user as its stream and a track of its own, any other has none.
pub(crate) fn outgoing(text: &str, speaker: impl Fn(&str) -> Option<Speaker>) -> String {
    let mut named = String::with_capacity(text.len() + 256);
    for section in split(text) {
        let speaker = section.mid().and_then(&speaker);
        for line in &section.lines {
            if let Some(line) = name_stream(line, speaker.as_ref()) {
                named.push_str(&line);
                named.push_str("\r\n");
            }
        }
    }
    named
}

fn name_stream(line: &str, speaker: Option<&Speaker>) -> Option<String> {
    if line.starts_with("a=msid-semantic") {
        return Some("a=msid-semantic:WMS *".to_owned());
    }
    let start = match line.find("msid:") {
        Some(at) if line.starts_with("a=msid:") || line.starts_with("a=ssrc:") => at,
        Some(_) | None => return Some(line.to_owned()),
    };
    let Speaker { user, track } = speaker?;
    // A stream without a name is written as "-", which means "no stream" to a browser.
    let stream = if user.as_str().is_empty() {
        "-"
    } else {
        user.as_str()
    };
    Some(format!("{}msid:{stream} {track}", &line[..start]))
}

struct Section<'a> {
    lines: Vec<&'a str>,
}

impl<'a> Section<'a> {
    fn mid(&self) -> Option<&'a str> {
        self.lines
            .iter()
            .find_map(|line| line.strip_prefix("a=mid:"))
    }

    fn is_media(&self) -> bool {
        self.lines
            .first()
            .is_some_and(|line| line.starts_with("m="))
    }

    /// Audio or video, not the section of data channels.
    fn is_audible(&self) -> bool {
        self.is_media() && !self.lines[0].starts_with("m=application")
    }

    fn keep_offered(&self, ours: bool, kept: &mut Vec<&'a str>) {
        let mut has_direction = false;
        for line in &self.lines {
            let line = match *line {
                line if is_candidate(line) || is_layer(line) => continue,
                "a=sendrecv" => "a=sendonly",
                "a=recvonly" if !ours => "a=inactive",
                line => line,
            };
            has_direction |= matches!(line, "a=sendonly" | "a=recvonly" | "a=inactive");
            kept.push(line);
        }
        if self.is_audible() && !has_direction {
            kept.push("a=sendonly");
        }
    }
}

fn is_candidate(line: &str) -> bool {
    line.starts_with("a=candidate:") || line == "a=end-of-candidates"
}

fn is_layer(line: &str) -> bool {
    line.starts_with("a=simulcast:") || line.starts_with("a=rid:")
}

/// Splits a description that came in, within limits: what is cut out counts as well.
fn sections(text: &str, limit: usize) -> Result<Vec<Section<'_>>, Error> {
    if text.len() > limit {
        return Err(Error::InvalidSdp(format!(
            "has {} bytes, the maximum is {limit}",
            text.len()
        )));
    }
    let sections = split(text);
    if sections.len() > MOST_SECTIONS {
        return Err(Error::InvalidSdp(format!(
            "has {} sections, the maximum is {MOST_SECTIONS}",
            sections.len()
        )));
    }
    for section in &sections {
        let formats = section
            .lines
            .first()
            .map_or(0, |line| line.split(' ').count());
        if section.is_media() && formats > MOST_FORMATS {
            return Err(Error::InvalidSdp(format!(
                "names {formats} formats in a section, the maximum is {MOST_FORMATS}"
            )));
        }
        if section.lines.len() > MOST_LINES {
            return Err(Error::InvalidSdp(format!(
                "has {} lines in a section, the maximum is {MOST_LINES}",
                section.lines.len()
            )));
        }
    }
    Ok(sections)
}

fn split(text: &str) -> Vec<Section<'_>> {
    let mut sections = vec![Section { lines: Vec::new() }];
    for line in text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
    {
        if line.starts_with("m=") {
            sections.push(Section { lines: Vec::new() });
        }
        if let Some(section) = sections.last_mut() {
            section.lines.push(line);
        }
    }
    sections
}

fn join(lines: &[&str]) -> String {
    let mut text = lines.join("\r\n");
    text.push_str("\r\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 10_000;

    #[test]
    fn sf2_a_client_only_sends_on_its_own_sections() {
        let text = "v=0\r\nm=audio 9 X 111\r\na=mid:0\r\na=sendrecv\r\na=rid:q send\r\n\
                    m=video 9 X 96\r\na=mid:ours\r\na=recvonly\r\n\
                    m=video 9 X 96\r\na=mid:1\r\na=recvonly\r\n\
                    m=audio 9 X 111\r\na=mid:2\r\n\
                    m=application 9 X y\r\na=mid:3\r\n";
        let kept = offer(text, LIMIT, |mid| mid == "ours").unwrap();
        assert_eq!(
            kept,
            "v=0\r\nm=audio 9 X 111\r\na=mid:0\r\na=sendonly\r\n\
             m=video 9 X 96\r\na=mid:ours\r\na=recvonly\r\n\
             m=video 9 X 96\r\na=mid:1\r\na=inactive\r\n\
             m=audio 9 X 111\r\na=mid:2\r\na=sendonly\r\n\
             m=application 9 X y\r\na=mid:3\r\n"
        );
    }

    #[test]
    fn sf3_candidates_are_cut_out_and_bounded() {
        let line = "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n";
        let text = format!("v=0\r\nm=audio 9 X 111\r\na=mid:0\r\na=sendonly\r\n{line}{line}");
        assert!(
            !offer(&text, LIMIT, |_| false)
                .unwrap()
                .contains("candidate")
        );
        assert!(!answer(&text, LIMIT).unwrap().contains("candidate"));
        let bomb = format!("{text}{}", line.repeat(MOST_LINES));
        assert!(offer(&bomb, usize::MAX, |_| false).is_err());
        assert!(answer(&bomb, usize::MAX).is_err());
    }

    #[test]
    fn sf4_descriptions_are_bounded_in_every_direction() {
        let section = "m=audio 9 X 111\r\na=sendonly\r\n";
        assert!(offer(&section.repeat(MOST_OFFERED), LIMIT, |_| false).is_ok());
        assert!(offer(&section.repeat(MOST_OFFERED + 1), LIMIT, |_| false).is_err());
        assert!(offer(&section.repeat(MOST_OFFERED), 100, |_| false).is_err());
        assert!(answer(&"m=audio 9 X 1\r\n".repeat(MOST_SECTIONS), usize::MAX).is_err());
        let formats = format!("m=audio 9 X{}\r\n", " 1".repeat(MOST_FORMATS));
        assert!(offer(&formats, LIMIT, |_| false).is_err());
    }

    #[test]
    fn sf5_a_section_is_named_after_its_speaker() {
        let text = "v=0\r\na=msid-semantic:WMS abc\r\nm=audio 9 X 111\r\na=mid:abc\r\n\
                    a=msid:abc x\r\na=ssrc:5 cname:c\r\na=ssrc:5 msid:abc x\r\n\
                    m=audio 9 X 111\r\na=mid:def\r\na=recvonly\r\na=msid:def y\r\n";
        let speaker = Speaker {
            user: UserId::parse("long~%3Aname").unwrap(),
            track: "session".to_owned(),
        };
        let named = outgoing(text, |mid| (mid == "abc").then(|| speaker.clone()));
        assert_eq!(
            named,
            "v=0\r\na=msid-semantic:WMS *\r\nm=audio 9 X 111\r\na=mid:abc\r\n\
             a=msid:long~%3Aname session\r\na=ssrc:5 cname:c\r\n\
             a=ssrc:5 msid:long~%3Aname session\r\n\
             m=audio 9 X 111\r\na=mid:def\r\na=recvonly\r\n"
        );
    }
}
