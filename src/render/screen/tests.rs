use super::*;
use crate::analysis::{Analysis, Output};
use crate::engine::EngineOptions;
use crate::render::watch::Tally;
use crate::session::SessionOptions;
use crate::time::Span;

const PLAIN: Style = Style { width: None, color: false, clock: true };

/// All of a capture, with all its flows still followed.
fn analysed(path: &str) -> (Analysis, Tally) {
    let mut analysis = Analysis::open_with(&[path], EngineOptions::default()).expect("the capture is there");
    analysis.follow_sessions(SessionOptions { routes: true, ..SessionOptions::default() });
    let mut tally = Tally::default();
    analysis.fill();
    analysis.analyse(usize::MAX, &mut |output: &Output<'_>| tally.output(output));
    (analysis, tally)
}

fn moment(analysis: &Analysis, tally: &Tally, seconds: i64) -> Moment {
    let last = analysis.summary().engine.last.expect("frames").time;
    Moment::of(analysis, tally, last + Span::from_secs(seconds))
}

/// The lines of a page of this size, after a second look.
fn page(path: &str, view: ScreenView, width: usize, height: usize) -> Vec<String> {
    page_in(PLAIN, path, view, width, height)
}

/// The text without the sequences that colour it.
fn without_colors(line: &str) -> String {
    let mut parts = line.split("\x1b[");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
}

fn page_in(style: Style, path: &str, view: ScreenView, width: usize, height: usize) -> Vec<String> {
    let (analysis, tally) = analysed(path);
    let mut screen = Screen::new(style, &["eth0".to_owned()], view);
    for seconds in [0, 1] {
        screen.look(&analysis, moment(&analysis, &tally, seconds), height, false);
    }
    screen.lines(width, height)
}

#[test]
fn a_page_fits_whatever_its_size() {
    for view in ScreenView::ALL {
        for (width, height) in [(0, 0), (1, 1), (10, 3), (40, 7), (80, 24), (132, 43), (400, 200)] {
            let lines = page("fixtures/mqtt5_qos.pcap", view, width, height);
            assert!(lines.len() <= height, "{} lines of {height}", lines.len());
            for line in &lines {
                assert!(columns(line) <= width.max(1), "{width}: {line}");
            }
            let colored = page_in(Style { color: true, ..PLAIN }, "fixtures/mqtt5_qos.pcap", view, width, height);
            let plain: Vec<_> = colored.iter().map(|line| without_colors(line)).collect();
            assert_eq!(plain, lines, "colours change nothing else");
        }
    }
}

#[test]
fn the_views_show_what_is_open() {
    let flows = page("fixtures/mqtt5_qos.pcap", ScreenView::Flows, 200, 24);
    assert!(flows[0].starts_with("mqttsniff eth0  up 1 s  "), "{}", flows[0]);
    assert!(flows[1].contains(" frames/s  ") && flows[1].contains("drops not counted"), "{flows:#?}");
    assert!(flows[5].contains("client") && flows[5].contains("in/sv"), "{}", flows[5]);
    assert_eq!(flows.iter().filter(|line| line.contains(":1883 ")).count(), 2, "{flows:#?}");
    let sessions = page("fixtures/mqtt5_qos.pcap", ScreenView::Sessions, 200, 24);
    assert!(sessions.iter().any(|line| line.contains(" 5.0 ") && line.contains("60 s")), "{sessions:#?}");
    let topics = page("fixtures/mqtt5_qos.pcap", ScreenView::Topics, 120, 24);
    assert!(topics.iter().any(|line| line.starts_with("lab/s1/q0 ")), "{topics:#?}");
}

#[test]
fn keys_choose_the_view_the_column_and_the_order() {
    let (analysis, tally) = analysed("fixtures/mqtt5_qos.pcap");
    let mut screen = Screen::new(PLAIN, &["eth0".to_owned()], ScreenView::Topics);
    let mut topics = |keys: &[Key]| {
        for key in keys {
            assert_eq!(screen.key(*key), Wish::Draw);
        }
        screen.look(&analysis, moment(&analysis, &tally, 0), 40, true);
        screen.lines(120, 40)
    };
    let by_rate = topics(&[]);
    assert!(by_rate[5].contains("msgs/sv"), "{}", by_rate[5]);
    let by_name = topics(&[Key::Left, Key::Left]);
    assert!(by_name[5].starts_with("topicv"), "{}", by_name[5]);
    let reversed = topics(&[Key::Reverse]);
    assert!(reversed[5].starts_with("topic^"), "{}", reversed[5]);
    let names =
        |lines: &[String]| lines[6..].iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>();
    let (mut forward, backward) = (names(&by_name), names(&reversed));
    assert!(forward.len() > 1 && forward.is_sorted());
    forward.reverse();
    assert_eq!(forward, backward);
    let wrapped = topics(&[Key::Left]);
    assert!(wrapped[5].contains("lastv"), "to the left of the first is the last: {}", wrapped[5]);
    assert!(topics(&[Key::View(ScreenView::Sessions)])[4].contains("[sessions]"));
    assert_eq!(screen.key(Key::Quit), Wish::Quit);
    assert_eq!(screen.key(Key::Other), Wish::None);
}

#[test]
fn what_comes_from_the_wire_does_no_harm_to_a_terminal() {
    let mut cells = 0;
    for path in ["fixtures/malformed.pcap", "fixtures/mqtt5_qos.pcap"] {
        for view in ScreenView::ALL {
            for line in page(path, view, 200, 60) {
                assert!(line.chars().all(|c| !crate::text::is_harmful(c)), "{line:?}");
                cells += 1;
            }
        }
    }
    assert!(cells > 30);
}

#[test]
fn a_view_that_was_not_looked_at_guesses_no_rates() {
    let (analysis, tally) = analysed("fixtures/mqtt5_qos.pcap");
    let mut screen = Screen::new(PLAIN, &["eth0".to_owned()], ScreenView::Flows);
    screen.look(&analysis, moment(&analysis, &tally, 0), 40, false);
    screen.look(&analysis, moment(&analysis, &tally, 1), 40, false);
    assert_eq!(screen.key(Key::View(ScreenView::Sessions)), Wish::Draw);
    screen.look(&analysis, moment(&analysis, &tally, 1), 40, true);
    let rate = |screen: &Screen| screen.table.rows[0][sessions::DEFAULT].clone();
    assert_eq!(rate(&screen), "", "since when is not known");
    screen.look(&analysis, moment(&analysis, &tally, 2), 40, false);
    assert_eq!(rate(&screen), "0", "nothing came since then");
}
