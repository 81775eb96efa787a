//! The texts of session descriptions: what is taken out of those that come in, and what clients
//! expect in those that go out.
//!
//! Everything here works on lines. Parsing is left to the WebRTC stack, which sees a description
//! only after it has been cut down to what the SFU uses.

use crate::error::Error;
use crate::guard::guarded;
use crate::ids::UserId;
use str0m::media::MediaKind;

/// The most media sections that a description may have.
const MOST_SECTIONS: usize = 1_024;
/// The most sections that a client may add to a call.
const MOST_OFFERED: usize = 32;
/// The most lines of one section. Chromium's video section has about 150.
const MOST_LINES: usize = 1_000;
/// The most layers in which a client may send one video.
const MOST_LAYERS: usize = 3;
/// The most codecs of one section. Chromium offers up to 40.
const MOST_FORMATS: usize = 100;
/// How lines with the name and the password of an ICE session begin.
const UFRAG: &str = "a=ice-ufrag:";
const PASSWORD: &str = "a=ice-pwd:";
/// Characters of what the parser says about a description that it can't read.
const LONGEST_REASON: usize = 200;

/// Who is heard on a media section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Speaker {
    pub(crate) user: UserId,
    /// The name of the track, which no other section of a description may have.
    pub(crate) track: String,
}

impl Speaker {
    /// Whoever is heard in a room.
    pub(crate) fn of_room(kind: MediaKind) -> Self {
        Self {
            user: UserId::room(),
            track: match kind {
                MediaKind::Audio => "audio".to_owned(),
                MediaKind::Video => "video".to_owned(),
            },
        }
    }
}

/// What the SFU does with a media section of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is the SFU's own: there the client receives.
    Ours,
    /// The client publishes on it. Whether that may be in several layers is said as well.
    Publishes {
        /// Otherwise, the client sends one.
        with_layers: bool,
    },
    /// The client's own section, on which it receives.
    Receives,
    /// Nothing.
    Nothing,
}

/// Cuts an offer of a client down to what the SFU uses.
///
/// - Candidates go: a peer is found by the packets that it sends.
/// - Layers go, unless they are wanted.
/// - Sections of the client become send-only, so that the answer names no stream. Chromium would
///   announce one to the page.
pub(crate) fn offer(
    text: &str,
    limit: usize,
    used: impl Fn(Option<&str>) -> Use,
) -> Result<String, Error> {
    let sections = sections(text, limit)?;
    let mut added = 0;
    let mut kept = Vec::new();
    for section in &sections {
        let used = used(section.mid());
        if used != Use::Ours && section.is_media() {
            added += 1;
        }
        let layers = section.layers();
        if layers > MOST_LAYERS && used == (Use::Publishes { with_layers: true }) {
            return Err(Error::InvalidSdp(format!(
                "has {layers} layers in a section, the maximum is {MOST_LAYERS}"
            )));
        }
        section.keep_offered(used, &mut kept);
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

/// The audio and video sections of a description that aren't rejected, in their order.
pub(crate) fn media(text: &str, limit: usize) -> Result<Vec<(String, MediaKind)>, Error> {
    let sections = sections(text, limit)?;
    let media = sections.iter().filter_map(Section::media);
    Ok(media.map(|(mid, kind)| (mid.to_owned(), kind)).collect())
}

/// The ICE credentials of a description, or of a fragment of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials<'a> {
    name: &'a str,
    password: &'a str,
}

impl<'a> Credentials<'a> {
    /// The first that a text names. `None` if it names none, an error if they have no form.
    pub(crate) fn find(text: &'a str, limit: usize) -> Result<Option<Self>, Error> {
        if text.len() > limit {
            return Err(Error::InvalidSdp(format!(
                "has {} bytes, the maximum is {limit}",
                text.len()
            )));
        }
        let find = |start| {
            let mut lines = text.lines().map(str::trim_end);
            lines.find_map(|line: &'a str| line.strip_prefix(start))
        };
        match (find(UFRAG), find(PASSWORD)) {
            (None, None) => Ok(None),
            (Some(name), Some(password)) if is_ice(name, 4) && is_ice(password, 22) => {
                Ok(Some(Self { name, password }))
            }
            (Some(_) | None, Some(_) | None) => {
                Err(Error::InvalidSdp("has no good credentials".to_owned()))
            }
        }
    }

    /// The description with these credentials instead of its own.
    pub(crate) fn put_into(&self, description: &str) -> String {
        let mut text = String::with_capacity(description.len() + 256);
        for line in description.lines() {
            if line.starts_with(UFRAG) {
                text.push_str(&format!("{UFRAG}{}", self.name));
            } else if line.starts_with(PASSWORD) {
                text.push_str(&format!("{PASSWORD}{}", self.password));
            } else {
                text.push_str(line);
            }
            text.push_str("\r\n");
        }
        text
    }
}

/// The fragment (RFC 8840) that tells a client of the SFU's credentials and candidates in a
/// description. All sections share them, so that the first is enough.
pub(crate) fn fragment(description: &str) -> String {
    let sections = split(description);
    let lines = sections.iter().flat_map(|section| &section.lines);
    let session = ["a=ice-lite", UFRAG, PASSWORD]
        .into_iter()
        .filter_map(|start| {
            let mut lines = lines.clone();
            lines.find(|line| line.starts_with(start)).copied()
        });
    let first = sections.iter().find(|section| section.is_media());
    let first = first.into_iter().flat_map(|section| &section.lines);
    let first = first
        .copied()
        .filter(|line| line.starts_with("m=") || line.starts_with("a=mid:") || is_candidate(line));
    join(&session.chain(first).collect::<Vec<_>>())
}

fn is_ice(text: &str, shortest: usize) -> bool {
    let is_ice_char = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    (shortest..=256).contains(&text.len()) && text.bytes().all(is_ice_char)
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

impl Use {
    /// What becomes of a line that says who sends. `None` for any other line.
    fn direction(self, line: &str) -> Option<&'static str> {
        let (sends, receives) = match line {
            "a=sendrecv" => (true, true),
            "a=sendonly" => (true, false),
            "a=recvonly" => (false, true),
            "a=inactive" => (false, false),
            _ => return None,
        };
        match self {
            Self::Ours | Self::Publishes { .. } if sends => Some("a=sendonly"),
            Self::Ours | Self::Receives if receives => Some("a=recvonly"),
            Self::Ours | Self::Publishes { .. } | Self::Receives | Self::Nothing => {
                Some("a=inactive")
            }
        }
    }
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

    /// Its name and kind, if it is of media and not rejected.
    fn media(&self) -> Option<(&'a str, MediaKind)> {
        let mut words = self.lines.first()?.split(' ');
        let kind = match words.next()? {
            "m=audio" => MediaKind::Audio,
            "m=video" => MediaKind::Video,
            _ => return None,
        };
        let is_rejected = words.next() == Some("0") && !self.lines.contains(&"a=bundle-only");
        Some((self.mid().filter(|_| !is_rejected)?, kind))
    }

    fn layers(&self) -> usize {
        let lines = self.lines.iter();
        lines.filter(|line| line.starts_with("a=rid:")).count()
    }

    fn keep_offered(&self, used: Use, kept: &mut Vec<&'a str>) {
        let keeps_layers = used == (Use::Publishes { with_layers: true });
        let mut has_direction = false;
        for line in &self.lines {
            if is_candidate(line) || (is_layer(line) && !keeps_layers) {
                continue;
            }
            let direction = used.direction(line);
            has_direction |= direction.is_some();
            kept.push(direction.unwrap_or(line));
        }
        if self.is_audible() && !has_direction {
            kept.push(used.direction("a=sendrecv").unwrap_or("a=inactive"));
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

    fn one_layer(mid: Option<&str>) -> Use {
        match mid {
            Some("ours") => Use::Ours,
            Some(_) | None => Use::Publishes { with_layers: false },
        }
    }

    #[test]
    fn sf2_a_client_only_sends_on_its_own_sections() {
        let text = "v=0\r\nm=audio 9 X 111\r\na=mid:0\r\na=sendrecv\r\na=rid:q send\r\n\
                    m=video 9 X 96\r\na=mid:ours\r\na=recvonly\r\n\
                    m=video 9 X 96\r\na=mid:1\r\na=recvonly\r\n\
                    m=audio 9 X 111\r\na=mid:2\r\n\
                    m=application 9 X y\r\na=mid:3\r\n";
        let kept = offer(text, LIMIT, one_layer).unwrap();
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
            !offer(&text, LIMIT, one_layer)
                .unwrap()
                .contains("candidate")
        );
        assert!(!answer(&text, LIMIT).unwrap().contains("candidate"));
        let bomb = format!("{text}{}", line.repeat(MOST_LINES));
        assert!(offer(&bomb, usize::MAX, one_layer).is_err());
        assert!(answer(&bomb, usize::MAX).is_err());
    }

    #[test]
    fn sf4_descriptions_are_bounded_in_every_direction() {
        let section = "m=audio 9 X 111\r\na=sendonly\r\n";
        assert!(offer(&section.repeat(MOST_OFFERED), LIMIT, one_layer).is_ok());
        assert!(offer(&section.repeat(MOST_OFFERED + 1), LIMIT, one_layer).is_err());
        assert!(offer(&section.repeat(MOST_OFFERED), 100, one_layer).is_err());
        assert!(answer(&"m=audio 9 X 1\r\n".repeat(MOST_SECTIONS), usize::MAX).is_err());
        let formats = format!("m=audio 9 X{}\r\n", " 1".repeat(MOST_FORMATS));
        assert!(offer(&formats, LIMIT, one_layer).is_err());
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

    #[test]
    fn ce4_only_what_is_named_is_published() {
        let text = "v=0\r\nm=video 9 X 96\r\na=mid:0\r\na=sendonly\r\na=rid:q send\r\n\
                    m=video 9 X 96\r\na=mid:1\r\na=sendrecv\r\na=rid:q send\r\n\
                    m=audio 0 X 111\r\na=mid:2\r\n";
        let used = |mid: Option<&str>| match mid {
            Some("0") => Use::Publishes { with_layers: true },
            Some(_) | None => Use::Nothing,
        };
        assert_eq!(
            offer(text, LIMIT, used).unwrap(),
            "v=0\r\nm=video 9 X 96\r\na=mid:0\r\na=sendonly\r\na=rid:q send\r\n\
             m=video 9 X 96\r\na=mid:1\r\na=inactive\r\n\
             m=audio 0 X 111\r\na=mid:2\r\na=inactive\r\n"
        );
        let media = media(text, LIMIT).unwrap();
        let names: Vec<&str> = media.iter().map(|(mid, _)| mid.as_str()).collect();
        assert_eq!(names, ["0", "1"]);
        let layers = text.replacen("a=rid:q send\r\n", &"a=rid:q send\r\n".repeat(4), 1);
        assert!(offer(&layers, LIMIT, used).is_err());
    }

    #[test]
    fn ce12_credentials_are_found_and_replaced() {
        let password = "0123456789012345678901";
        let fragment = format!("a=ice-ufrag:abcd\r\na=ice-pwd:{password}\r\nm=audio 9 X 0\r\n");
        let found = Credentials::find(&fragment, LIMIT).unwrap().unwrap();
        let text = "v=0\r\nm=audio 9 X 111\r\na=ice-ufrag:old\r\na=ice-pwd:older\r\n";
        assert_eq!(
            found.put_into(text),
            format!("v=0\r\nm=audio 9 X 111\r\na=ice-ufrag:abcd\r\na=ice-pwd:{password}\r\n")
        );
        assert_eq!(Credentials::find("a=mid:0\r\n", LIMIT), Ok(None));
        for bad in [
            "a=ice-ufrag:abcd\r\n".to_owned(),
            format!("a=ice-ufrag:a b c\r\na=ice-pwd:{password}\r\n"),
            "a=ice-ufrag:abcd\r\na=ice-pwd:short\r\n".to_owned(),
        ] {
            assert!(Credentials::find(&bad, LIMIT).is_err(), "{bad}");
        }
        assert!(Credentials::find(&fragment, 10).is_err());
    }
}
