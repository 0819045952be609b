//! Secrets reach the programs that they are for, and nothing else: every place where text is kept or shown is searched for
//! them, in every form in which a program may have written them.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use tidegate_tests::{Ran, World};

/// What nobody may find. It has what each encoding changes.
const SECRET: &str = "pl4nted/s3cret+with <odd> \"signs\" & blanks";

const HOST: &str = "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories:
    app: { url: ./app.git }
    other: { url: ./other.git }
  credentials:
    token: { secret: \"env:TOKEN\", steps: [{ uses: [exec], repositories: [app] }] }
    key: { secret: \"file:keys/key\", steps: [{ uses: [\"ex*\"] }] }
    deploy: { secret: \"file:keys/key\", steps: [{ uses: [exec], environments: [prod] }] }
  environments:
    prod: { owns: { paths: [\"app:prod/**\"] } }
";

const KEY: &str =
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nAoGBAKj34GkxFhD90vcNLYLInF\n-----END PRIVATE KEY-----\n";

fn world(steps: &str) -> World {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    let pipeline =
        format!("apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: p }}\nspec:\n  steps:\n{steps}");
    world.repository("app", &[(".tidegate/p.yaml", &pipeline), ("prod/main.tf", "")]);
    world.repository("other", &[(".tidegate/p.yaml", &pipeline)]);
    world.write("tidegate.yaml", HOST);
    world.write("keys/key", KEY);
    world
}

fn run(world: &World, repository: &str) -> Ran {
    let mut command = world.command(&["run", "--repository", repository, "--output", "json"]);
    let output = command.env("TOKEN", SECRET).output().expect("the binary");
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Forms of a secret that would give it away, and pieces of some.
fn forms(secret: &str) -> Vec<String> {
    let quoted = serde_json::to_string(secret).expect("JSON");
    let percent: String = secret
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect();
    let mut all = vec![secret.to_owned(), quoted.trim_matches('"').to_owned(), percent];
    for offset in 0..3 {
        let padded = [" ".repeat(offset), secret.to_owned()].concat();
        let text = base64(padded.as_bytes());
        // Without the digits that it shares with what is around it.
        all.push(text[(offset * 8).div_ceil(6)..text.trim_end_matches('=').len() - 1].to_owned());
    }
    all
}

fn base64(bytes: &[u8]) -> String {
    use std::io::Write as _;
    let mut child = std::process::Command::new("base64")
        .args(["-w", "0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("base64");
    child.stdin.take().expect("its input").write_all(bytes).expect("written");
    String::from_utf8(child.wait_with_output().expect("its output").stdout).expect("ASCII")
}

/// Every file below a folder that holds one of these texts.
fn search(folder: &Path, texts: &[String], found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("its type");
        if kind.is_dir() {
            search(&path, texts, found);
        } else if kind.is_file() {
            let content = fs::read(&path).unwrap_or_default();
            for text in texts {
                if content.windows(text.len()).any(|window| window == text.as_bytes()) {
                    found.push(format!("{}: {text}", path.display()));
                }
            }
        }
    }
}

#[test]
fn no_child_reads_the_file_of_a_secret_that_was_not_granted() {
    // In a folder of the system that every child sees, and open to all, as secrets are mounted into containers.
    let Ok(system) = tempfile::tempdir_in("/opt") else {
        panic!("this test writes below /opt, which takes root");
    };
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(system.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
    fs::create_dir(system.path().join("..data")).expect("a folder");
    fs::write(system.path().join("..data/key"), KEY).expect("a key");
    std::os::unix::fs::symlink("..data/key", system.path().join("key")).expect("a link");
    let place = system.path().display().to_string();
    let steps =
        format!("    look: {{ uses: exec, with: {{ script: \"cat {place}/key {place}/..data/key | wc -c\" }} }}\n");
    let world = world(&steps);
    let read = |world: &World| {
        let ran = run(world, "app").expect(0);
        let logs = world.tidegate(&["runs", "logs", ran.json()["run"].as_str().expect("an id")]).expect(0).out;
        logs.lines().find_map(|line| line.trim().rsplit(' ').next()?.parse::<usize>().ok()).expect("a count")
    };
    assert_eq!(read(&world), 2 * KEY.len(), "nobody knows yet that it is a secret");
    let host = HOST.replace("file:keys/key", &format!("file:{place}/key"));
    world.write("tidegate.yaml", &host);
    assert_eq!(read(&world), 0);
    // Whoever grants that very file means it.
    let grant = format!(
        "  plugins: {{ grants: {{ exec: {{ process: {{ programs: [sh, bash], paths: {{ read: [\"{place}/key\"] }} }} }} }} }}\n"
    );
    world.write("tidegate.yaml", host + &grant);
    assert_eq!(read(&world), 2 * KEY.len());
}

#[test]
fn a_secret_is_given_and_never_found_again() {
    let steps = r#"    leak:
      uses: exec
      env:
        TOKEN: "${{ secrets.token }}"
        HEADER: "Bearer ${{ secrets.token }}"
        KEY: "${{ secrets.key }}"
      with:
        script: |
          test "$HEADER" = "Bearer $TOKEN"
          printf %s "$TOKEN" | wc -c
          echo "raw $TOKEN"
          printf '%s' "${TOKEN%????????????}"; sleep 0; printf '%s\n' "${TOKEN#"${TOKEN%????????????}"}"
          printf '%s' "$TOKEN" | base64 -w 0; echo
          printf 'x%s' "$TOKEN" | base64 -w 0; echo
          printf 'xy%s and more' "$TOKEN" | base64 -w 0; echo
          printf '%s' "$KEY"
          echo "one line: $(printf '%s' "$KEY" | sed -n 2p)"
          printf '{"token": "pl4nted/s3cret+with <odd> \\"signs\\" & blanks"}\n'
          printf 'https://x.example/?t=pl4nted%%2Fs3cret%%2Bwith%%20%%3Codd%%3E%%20%%22signs%%22%%20%%26%%20blanks\n'
          head -c 20000 /dev/zero | tr '\0' x; echo "$TOKEN"
          echo "said=$TOKEN" >> "$TIDEGATE_OUTPUT"
          echo "done" >&2
    hand_on:
      uses: exec
      env: { SAID: "${{ steps.leak.outputs.said }}" }
      with: { script: "echo \"it said $SAID\"; echo \"error: $SAID\" >&2; exit 3" }
"#;
    let world = world(steps);
    let ran = run(&world, "app").expect(1);
    assert_eq!(ran.json()["steps"]["leak"]["outputs"]["said"], "***");
    let id = ran.json()["run"].as_str().expect("an id").to_owned();
    let logs = world.tidegate(&["runs", "logs", &id]).expect(0).out;
    assert!(logs.contains(&SECRET.len().to_string()), "the program had all of it: {logs}");
    assert!(logs.contains("raw ***") && logs.contains("it said ***") && logs.contains("one line: ***"), "{logs}");
    let mut texts = forms(SECRET);
    texts.extend(KEY.lines().filter(|line| !line.starts_with("---")).map(str::to_owned));
    for shown in
        [&ran.out, &ran.err, &logs, &world.tidegate(&["why", &id]).out, &world.tidegate(&["runs", "show", &id]).out]
    {
        for text in &texts {
            assert!(!shown.contains(text.as_str()), "{text} in\n{shown}");
        }
    }
    let mut found = Vec::new();
    search(&world.path().join("state"), &texts, &mut found);
    assert!(found.is_empty(), "{found:#?}");
    // The search finds what is there: a file that has it.
    world.write("state/planted", format!("... {SECRET} ..."));
    search(&world.path().join("state"), &texts, &mut found);
    assert!(!found.is_empty());
}

#[test]
fn a_secret_is_in_no_list_of_processes() {
    let steps = r#"    wait:
      uses: exec
      env: { TOKEN: "${{ secrets.token }}" }
      grants: { workspace: write, process: { programs: [sh], environment: ["*"], paths: { write: [pipes] } }, secret: { names: ["*"], variables: ["*"] } }
      with: { script: "echo there > \"$PIPES/up\"; read -r word < \"$PIPES/down\"; test \"$word\" = on" }
"#;
    let world = world(&steps.replace("$PIPES", "PIPES"));
    let pipes = world.path().join("pipes");
    fs::create_dir(&pipes).expect("a folder");
    let text = steps.replace("$PIPES", &pipes.display().to_string());
    let pipeline =
        format!("apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: p }}\nspec:\n  steps:\n{text}");
    world.write("app/.tidegate/p.yaml", pipeline);
    world.push("app", "pipes");
    let grants = "  plugins:\n    grants:\n      exec: { process: { programs: [\"*\"], environment: [\"*\"], paths: { write: [pipes] } } }\n";
    world.write("tidegate.yaml", format!("{HOST}{grants}"));
    for name in ["up", "down"] {
        let made = std::process::Command::new("mkfifo").arg(pipes.join(name)).status().expect("mkfifo");
        assert!(made.success());
    }
    world.open_to_children();
    let mut command = world.command(&["run", "--repository", "app"]);
    let child = command.env("TOKEN", SECRET).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary");
    // Ends once the child is there and has the secret.
    let word = fs::read_to_string(pipes.join("up")).expect("a word of the child");
    assert_eq!(word, "there\n");
    let texts = forms(SECRET);
    let mut seen = 0;
    for entry in fs::read_dir("/proc").expect("processes").flatten() {
        let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
        seen += 1;
        let line = String::from_utf8_lossy(&line);
        assert!(!texts.iter().any(|text| line.contains(text.as_str())), "{line}");
    }
    assert!(seen > 3, "{seen} processes");
    fs::write(pipes.join("down"), "on\n").expect("the child reads");
    let output = child.wait_with_output().expect("its end");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn who_may_not_have_a_secret_is_told_who_decides() {
    let steps =
        "    s:\n      uses: exec\n      env: { TOKEN: \"${{ secrets.NAME }}\" }\n      with: { script: \"true\" }\n";
    let with = |name: &str| steps.replace("NAME", name);
    // Another repository than the credential is for; nothing runs.
    let ran = run(&world(&with("token")), "other").expect(4);
    assert!(ran.err.contains("`token` is not given to `exec` in a pipeline of the repository `other`"), "{}", ran.err);
    assert!(ran.err.contains("spec.credentials.token.steps"), "{}", ran.err);
    // One that is not there.
    let ran = run(&world(&with("tokken")), "app").expect(2);
    assert!(ran.err.contains("no credential `tokken`") && ran.err.contains("did you mean `token`?"), "{}", ran.err);
    // One for a step that changes an environment, given to one that changes none.
    let ran = run(&world(&with("deploy")), "app").expect(4);
    assert!(ran.err.contains("steps that change prod only"), "{}", ran.err);
    // One that a step's own grants do not mention.
    let narrow = with("token")
        .replace("      with:", "      grants: { process: { programs: [sh], environment: [TOKEN] } }\n      with:");
    let ran = run(&world(&narrow), "app").expect(4);
    assert!(ran.err.contains("secret: { names: [\"token\"] }"), "{}", ran.err);
    // One as an argument, which others on the machine could read.
    let argument = "    s:\n      uses: exec\n      with: { command: [echo, \"${{ secrets.token }}\"] }\n";
    let ran = run(&world(argument), "app").expect(4);
    assert!(ran.err.contains("the secret `token` is an argument of `echo`"), "{}", ran.err);
}

#[test]
fn a_handle_that_a_step_was_not_given_stays_a_text() {
    let steps = "    s:
      uses: exec
      env: { FORGED: \"{tidegate:secret:key}\" }
      with: { script: \"true\" }
";
    let ran = run(&world(steps), "app").expect(4);
    assert!(ran.err.contains("the inputs of this step do not name the secret `key`"), "{}", ran.err);
}

#[test]
fn a_secret_stands_only_where_it_can_be_given() {
    let world = world("    s: { uses: exec, with: { script: \"true\" } }\n");
    let steps = "    a: { uses: exec, when: \"secrets.token == 'x'\", with: { script: \"true\" } }
    b: { uses: exec, env: { X: \"${{ secrets[event.branch] }}\" }, with: { script: \"true\" } }
    c: { uses: exec, env: { X: \"${{ secrets }}\" }, with: { script: \"true\" } }
    d: { uses: exec, with: { script: \"echo ${{ secrets.token }}\" } }
";
    world.write(
        "p.yaml",
        format!("apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: p }}\nspec:\n  steps:\n{steps}"),
    );
    let ran = world.tidegate(&["validate", "p.yaml"]).expect(2);
    assert_eq!(ran.err.matches("TG-191").count(), 2, "{}", ran.err);
    assert!(ran.err.contains("TG-169") && ran.err.contains("TG-143"), "{}", ran.err);
}

#[test]
fn credentials_are_listed_and_checked_without_being_shown() {
    let world = world("    s: { uses: exec, with: { script: \"true\" } }\n");
    let listed = world.tidegate(&["credentials", "list"]).expect(0).out;
    assert!(listed.contains("env:TOKEN") && listed.contains("steps exec that change prod"), "{listed}");
    let ran = world.tidegate(&["credentials", "check"]).expect(1);
    assert!(ran.out.contains("the variable `TOKEN` is not set"), "{}", ran.out);
    let mut command = world.command(&["credentials", "check", "--output", "json"]);
    let output = command.env("TOKEN", SECRET).output().expect("the binary");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(out.contains("others may read its file") && !out.contains("pl4nted"), "{out}");
    let ran = world.tidegate(&["credentials", "check", "tokn"]).expect(2);
    assert!(ran.err.contains("did you mean `token`?"), "{}", ran.err);
}

#[test]
fn text_from_outside_is_given_no_secret() {
    let steps = r#"    say:
      uses: exec
      with: { script: "printf 'found=x {tidegate:%s:token} y\\n' secret >> \"$TIDEGATE_OUTPUT\"" }
    tell:
      uses: exec
      env: { TOKEN: "${{ secrets.token }}", SUBJECT: "${{ event.commit.subject }}", SAID: "${{ steps.say.outputs.found }}" }
      with: { script: "echo \"$SUBJECT $SAID\" | rev" }
"#;
    let world = world(steps);
    world.push("app", "fix: {tidegate:secret:token} typo");
    let ran = run(&world, "app").expect(0);
    let logs = world.tidegate(&["runs", "logs", ran.json()["run"].as_str().expect("an id")]).expect(0).out;
    let reversed: String = SECRET.chars().rev().collect();
    assert!(!logs.contains(&reversed), "{logs}");
    assert!(logs.contains("opyt }nekot:terces-etagedit{ :xif"), "it is told as it was written, nearly: {logs}");
}

#[test]
fn a_secret_that_was_replaced_does_not_lose_the_child_that_has_the_old_one() {
    let steps = r#"    wait:
      uses: exec
      env: { TOKEN: "${{ secrets.token }}" }
      with: { script: "echo there > 'PIPES/up'; read -r word < 'PIPES/down'; echo once >> 'PIPES/count'" }
"#;
    let world = world(steps);
    let pipes = world.path().join("pipes");
    fs::create_dir(&pipes).expect("a folder");
    let text = steps.replace("PIPES", &pipes.display().to_string());
    let pipeline =
        format!("apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: p }}\nspec:\n  steps:\n{text}");
    world.write("app/.tidegate/p.yaml", pipeline);
    world.push("app", "pipes");
    let grants = "  plugins:\n    grants:\n      exec: { process: { programs: [\"*\"], environment: [\"*\"], paths: { write: [pipes] } } }\n";
    world.write("tidegate.yaml", format!("{HOST}{grants}"));
    for name in ["up", "down"] {
        assert!(std::process::Command::new("mkfifo").arg(pipes.join(name)).status().expect("mkfifo").success());
    }
    world.open_to_children();
    let mut command = world.command(&["run", "--repository", "app"]);
    let mut child =
        command.env("TOKEN", "the-old-secret").stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it");
    assert_eq!(fs::read_to_string(pipes.join("up")).expect("a word"), "there\n");
    child.kill().expect("it is killed");
    child.wait().expect("it is gone");
    let down = pipes.join("down");
    let writer = std::thread::spawn(move || fs::write(down, "on\n"));
    let run = world.newest();
    let mut command = world.command(&["runs", "resume", &run]);
    Ran::of(command.env("TOKEN", "the-new-secret")).expect(0);
    writer.join().expect("a thread").expect("the child reads");
    assert_eq!(fs::read_to_string(pipes.join("count")).expect("the count"), "once\n");
}
