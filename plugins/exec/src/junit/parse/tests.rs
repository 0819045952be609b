//! Reports of the dialects that test runners write, and broken ones.

use super::super::Summary;
use super::{Verdict, line, parse, seconds};
use proptest::prelude::*;

fn summary(text: &str) -> Summary {
    let mut summary = Summary::default();
    summary.add(parse(text.as_bytes()).expect(text));
    summary
}

/// `tests/passed/failed/errors/skipped/flaky in seconds`, then a line for each failure.
fn told(text: &str) -> String {
    let summary = summary(text);
    let Summary { tests, passed, failed, errors, skipped, flaky, seconds, .. } = summary;
    let mut told = format!("{tests}/{passed}/{failed}/{errors}/{skipped}/{flaky} in {seconds:.3}");
    for failure in &summary.failures {
        told += &format!("\n{}: {}", failure.label(), failure.message);
    }
    told
}

#[test]
fn surefire() {
    let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="3.0" name="com.example.FooTest"
  time="1,234.567" tests="5" errors="1" skipped="1" failures="1" flakes="1">
  <properties><property name="java.version" value="17"/></properties>
  <testcase name="good" classname="com.example.FooTest" time="0.01"/>
  <testcase name="bad" classname="com.example.FooTest" time="1,000.5">
    <failure message="expected: &lt;1&gt; but was: &lt;2&gt;" type="org.opentest4j.AssertionFailedError"><![CDATA[org.opentest4j.AssertionFailedError: expected: <1> but was: <2>
	at com.example.FooTest.bad(FooTest.java:9)
]]></failure>
    <rerunFailure message="again" type="x"><stackTrace>at x</stackTrace></rerunFailure>
    <system-out><![CDATA[<failure message="printed by a test"/>]]></system-out>
  </testcase>
  <testcase name="flaky" classname="com.example.FooTest" time="0.2">
    <flakyFailure message="first try" type="x"><stackTrace>at y</stackTrace></flakyFailure>
  </testcase>
  <testcase name="broken" classname="com.example.FooTest" time="0"><error type="java.lang.NullPointerException">java.lang.NullPointerException
	at z</error></testcase>
  <testcase name="off" classname="com.example.FooTest" time="0"><skipped message="later"/></testcase>
</testsuite>"#;
    assert_eq!(
        told(text),
        "5/2/1/1/1/1 in 1234.567\ncom.example.FooTest › bad: expected: <1> but was: <2>\n\
         com.example.FooTest › broken: java.lang.NullPointerException"
    );
    let report = parse(text.as_bytes()).expect("valid");
    let [_, bad, ..] = report.cases.as_slice() else { panic!("five cases") };
    assert_eq!(
        bad.text,
        "org.opentest4j.AssertionFailedError: expected: <1> but was: <2>\n\tat com.example.FooTest.bad(FooTest.java:9)"
    );
}

#[test]
fn pytest() {
    let text = r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1"
 failures="1" skipped="1" tests="4" time="0.083" timestamp="2026-11-20T10:00:00" hostname="h">
<testcase classname="tests.test_a" name="test_good[1-2]" time="0.001" />
<testcase classname="tests.test_a" name="test_bad" time="0.002"><failure message="AssertionError: assert 1 == 2">def test_bad():
&gt;       assert 1 == 2
E       assert 1 == 2

tests/test_a.py:5: AssertionError</failure></testcase>
<testcase classname="tests.test_a" name="test_off" time="0.000"><skipped type="pytest.skip" message="no">x</skipped></testcase>
<testcase classname="tests.test_a" name="test_teardown" time="0.000"><error message="failed on teardown with &quot;x&quot;">E</error></testcase>
</testsuite></testsuites>"#;
    assert_eq!(
        told(text),
        "4/1/1/1/1/0 in 0.083\ntests.test_a › test_bad: AssertionError: assert 1 == 2\n\
         tests.test_a › test_teardown: failed on teardown with \"x\""
    );
}

#[test]
fn jest() {
    let text = "<testsuites name=\"jest tests\" tests=\"2\" failures=\"1\" errors=\"0\" time=\"1.5\">
  <testsuite name=\"sum\" errors=\"0\" failures=\"1\" skipped=\"0\" timestamp=\"x\" time=\"0.9\" tests=\"2\">
    <testcase classname=\"sum adds\" name=\"sum adds\" time=\"0.003\"></testcase>
    <testcase classname=\"sum fails\" name=\"sum fails\" time=\"0.003\">
      <failure>\u{1b}[31mError\u{1b}[39m: &#x1b;[2mexpect(&#27;[22mreceived).toBe(3)
    at Object.&lt;anonymous&gt; (sum.test.js:5:1)</failure>
    </testcase>
  </testsuite>
</testsuites>";
    assert_eq!(told(text), "2/1/1/0/0/0 in 1.500\nsum fails: Error: expect(received).toBe(3)");
}

#[test]
fn gotestsum() {
    let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="3" failures="1" errors="0" time="0.5">
	<testsuite tests="3" failures="1" time="0.003000" name="example.com/m/pkg" timestamp="x">
		<properties><property name="go.version" value="go1.24"></property></properties>
		<testcase classname="example.com/m/pkg" name="TestGood" time="0.000000"></testcase>
		<testcase classname="example.com/m/pkg" name="TestBad/case_1" time="0.000000">
			<failure message="Failed" type="">=== RUN   TestBad/case_1&#xA;    a_test.go:9: got 1, want 2&#xA;--- FAIL: TestBad/case_1 (0.00s)&#xA;</failure>
		</testcase>
		<testcase classname="example.com/m/pkg" name="TestOff" time="0.000000"><skipped message="=== RUN TestOff"></skipped></testcase>
	</testsuite>
</testsuites>"#;
    assert_eq!(told(text), "3/1/1/0/1/0 in 0.500\nexample.com/m/pkg › TestBad/case_1: a_test.go:9: got 1, want 2");
}

#[test]
fn nextest() {
    let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="3" failures="1" errors="0" uuid="u" timestamp="x" time="0.071">
    <testsuite name="my-crate::basic" tests="3" disabled="0" errors="0" failures="1">
        <testcase name="test_ok" classname="my-crate::basic" timestamp="x" time="0.004"></testcase>
        <testcase name="test_flaky" classname="my-crate::basic" timestamp="x" time="0.004">
            <flakyFailure timestamp="x" time="0.004" message="thread 'test_flaky' panicked" type="test failure with exit code 101">x
                <system-out>out</system-out></flakyFailure>
        </testcase>
        <testcase name="test_fail" classname="my-crate::basic" timestamp="x" time="0.004">
            <failure message="thread 'test_fail' panicked at src/lib.rs:9:5" type="test failure with exit code 101">thread 'test_fail' panicked at src/lib.rs:9:5:
assertion failed</failure>
            <rerunFailure timestamp="x" time="0.004" type="test failure with exit code 101"></rerunFailure>
        </testcase>
    </testsuite>
</testsuites>"#;
    assert_eq!(
        told(text),
        "3/2/1/0/0/1 in 0.071\nmy-crate::basic › test_fail: thread 'test_fail' panicked at src/lib.rs:9:5"
    );
}

#[test]
fn nested_suites_of_phpunit_are_counted_once() {
    let text = r#"<testsuites><testsuite name="" tests="2" assertions="2" errors="0" failures="1" time="0.05">
      <testsuite name="Unit" tests="2" failures="1" time="0.05"><testsuite name="FooTest" file="/x" tests="2" failures="1" time="0.05">
        <testcase name="testA" class="FooTest" classname="FooTest" line="9" time="0.02"/>
        <testcase name="testB" class="FooTest" classname="FooTest" line="19" time="0.03">
          <failure type="E">FooTest::testB
Failed asserting that false is true.</failure></testcase>
      </testsuite></testsuite></testsuite></testsuites>"#;
    assert_eq!(told(text), "2/1/1/0/0/0 in 0.050\nFooTest › testB: E");
}

#[test]
fn googletest_and_suites_that_only_count() {
    assert_eq!(
        told(
            r#"<testsuites tests="2" time="0.1"><testsuite name="A" tests="2" disabled="1" time="0.1">
             <testcase name="on" status="run" result="completed" time="0.1" classname="A"/>
             <testcase name="off" status="notrun" result="suppressed" time="0" classname="A"/></testsuite></testsuites>"#
        ),
        "2/1/0/0/1/0 in 0.100"
    );
    assert_eq!(
        told(
            r#"<testsuites><testsuite name="A" tests="7" failures="2" skipped="1"/><testsuite name="empty"/></testsuites>"#
        ),
        "7/4/2/0/1/0 in 0.000"
    );
}

#[test]
fn a_suite_that_could_not_begin_is_a_failed_test() {
    let text = r#"<testsuites><testsuite name="db" tests="0" errors="1"><error message="no server">x</error></testsuite></testsuites>"#;
    assert_eq!(told(text), "1/0/0/1/0/0 in 0.000\ndb › (the suite itself): no server");
}

#[test]
fn a_failure_wins_over_a_skip_and_the_first_over_the_second() {
    let text = r#"<testsuite name="s"><testcase name="a"><skipped/><failure message="one"/><error message="two"/><skipped/></testcase></testsuite>"#;
    assert_eq!(told(text), "1/0/1/0/0/0 in 0.000\ns › a: one");
}

#[test]
fn times_of_every_locale() {
    for (text, expected) in [
        ("0.5", Some(0.5)),
        ("1,234.5", Some(1_234.5)),
        ("1,234,567.5", Some(1_234_567.5)),
        ("0,25", Some(0.25)),
        ("1.234,5", Some(1_234.5)),
        ("1,234,567", Some(1_234_567.0)),
        (" 3 ", Some(3.0)),
        ("1.5s", Some(1.5)),
        ("1e-3", Some(0.001)),
        ("", None),
        ("NaN", None),
        ("-1", None),
        ("inf", None),
        ("1e300", None),
    ] {
        assert_eq!(seconds(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_report_is_refused() {
    let deep = "<testsuite>".repeat(100);
    let bomb = r#"<!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><testsuite name="&b;"/>"#;
    for (text, expected) in [
        ("", "no XML element"),
        ("just words", "no XML element"),
        ("<html/>", "its root is `html`"),
        ("<testcase name='a'/>", "its root is `testcase`"),
        ("<testsuite><testcase name='a'>", "ends in the middle"),
        ("<testsuite><testcase></testsuite>", "not XML"),
        ("<testsuite/><testsuite/>", "two roots"),
        ("<testsuite><testcase name='&bomb;'/></testsuite>", "not XML"),
        ("<testsuite><testcase><failure>&bomb;</failure></testcase></testsuite>", "unknown entity `bomb`"),
        ("<!DOCTYPE x SYSTEM 'file:///etc/passwd'><testsuite/>", "document type"),
        (bomb, "document type"),
        (&deep, "nested"),
    ] {
        let problem = parse(text.as_bytes()).expect_err(text);
        assert!(problem.contains(expected), "{text}: {problem}");
    }
    assert!(parse(b"\xff\xfe<\0").expect_err("UTF-16").contains("UTF-16"));
}

#[test]
fn encodings() {
    let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><testsuite><testcase name='\xe4'/></testsuite>";
    assert_eq!(parse(latin).expect("Latin-1").cases[0].name, "ä");
    let broken = b"\xef\xbb\xbf<testsuite><testcase name='a\xff'/></testsuite>";
    assert_eq!(parse(broken).expect("marks").cases[0].name, "a\u{fffd}");
}

#[test]
fn texts_are_cut_and_plain() {
    let long = "x".repeat(50_000);
    let lines: String = (0..100).map(|number| format!("line {number}\n")).collect();
    let text = format!(
        "<testsuite name='{long}'><testcase name='a\u{202e}b&#10;c'><failure message='{long}'>\n\n{lines}</failure></testcase>\
         <testcase name='d'><failure>{long}</failure></testcase></testsuite>"
    );
    let report = parse(text.as_bytes()).expect("valid");
    let [a, d] = report.cases.as_slice() else { panic!("two cases") };
    assert_eq!(a.name, "ab c");
    assert_eq!((a.suite.chars().count(), a.message.chars().count()), (200, 300));
    assert!(a.text.starts_with("line 0\n") && a.text.ends_with("line 11\n…"), "{}", a.text);
    assert_eq!(d.text.chars().count(), 1_502);
    assert_eq!(line("  a \u{7} b\t", 9), "a b");
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![Just(Verdict::Passed), Just(Verdict::Skipped), Just(Verdict::Failed), Just(Verdict::Errored)]
}

proptest! {
    /// Whatever is written is read again: names, verdicts and texts.
    #[test]
    fn what_is_written_is_read(
        cases in proptest::collection::vec(("[ -~ä]{1,20}", verdict(), "([ -~ä]{0,9}\n?){0,11}", any::<bool>()), 0..8),
        depth in 1usize..5,
    ) {
        let escape = |text: &str| quick_xml::escape::escape(text).into_owned();
        let mut text = "<testsuites>".to_owned() + &"<testsuite name='s'>".repeat(depth);
        for (name, verdict, message, as_cdata) in &cases {
            let inner = if *as_cdata { format!("<![CDATA[{}]]>", message.replace("]]>", "")) } else { escape(message) };
            let child = match verdict {
                Verdict::Passed => format!("<system-out>{inner}</system-out>"),
                Verdict::Skipped => format!("<skipped>{inner}</skipped>"),
                Verdict::Failed => format!("<failure>{inner}</failure>"),
                Verdict::Errored => format!("<error>{inner}</error>"),
            };
            text += &format!("<testcase name=\"{}\" time=\"0.25\">{child}</testcase>", escape(name));
        }
        text += &("</testsuite>".repeat(depth) + "</testsuites>");
        let report = parse(text.as_bytes()).expect(&text);
        prop_assert_eq!(report.cases.len(), cases.len());
        prop_assert_eq!(report.seconds, 0.25 * cases.len() as f64);
        for (read, (name, verdict, message, _)) in report.cases.iter().zip(&cases) {
            let name = line(name, 200);
            prop_assert_eq!(&read.name, if name.is_empty() { "(no name)" } else { &name });
            prop_assert_eq!(read.verdict, *verdict);
            if matches!(verdict, Verdict::Failed | Verdict::Errored) && !message.contains("]]>") {
                prop_assert_eq!(read.text.split_whitespace().collect::<Vec<_>>(), message.split_whitespace().collect::<Vec<_>>());
            }
        }
        let mut summary = Summary::default();
        summary.add(report);
        prop_assert_eq!(summary.tests, summary.passed + summary.failed + summary.errors + summary.skipped);
    }

    /// No bytes panic, and none make more failures than there are elements.
    #[test]
    fn anything_is_answered(pieces in proptest::collection::vec(prop_oneof![
        Just("<testsuites>"), Just("<testsuite name='a' tests='4294967295' time='9'>"), Just("<testcase name='b' time='1,2,3.'>"),
        Just("<failure message='&#0;'>"), Just("<error>"), Just("</error>"), Just("</failure>"), Just("</testcase>"),
        Just("</testsuite>"), Just("</testsuites>"), Just("<![CDATA["), Just("]]>"), Just("&amp;"), Just("&#x110000;"), Just("&"),
        Just("<skipped/>"), Just("\u{1b}["), Just("<!--"), Just("-->"), Just("<?xml version='1.1'?>"), Just("ä"), Just("<"),
    ], 0..40)) {
        let text = pieces.concat();
        if let Ok(report) = parse(text.as_bytes()) {
            prop_assert!(report.cases.len() <= pieces.len());
            let mut summary = Summary::default();
            summary.add(report);
            prop_assert!(summary.seconds.is_finite());
        }
    }
}
