//! A run that is killed at any point of its journal goes on: no step is lost and no effect doubled. The run's effects
//! count themselves: each child adds a line to a file outside, each promotion is a commit with the run's trailer.

use std::collections::BTreeMap;
use std::io::Write as _;
use tidegate_tests::World;

/// Steps of the run: six children, four promotions.
const CHILDREN: usize = 6;
const PROMOTIONS: usize = 4;

/// How many processes are killed; `TIDEGATE_KILLS` says otherwise.
const KILLS: u64 = 120;

fn pipeline(counter: &str) -> String {
    let mut steps = String::new();
    for i in 0..CHILDREN {
        let needs = if i == 0 { "[]".to_owned() } else { format!("[count_{}]", (i - 1) / 2) };
        steps.push_str(&format!(
            "    count_{i}:\n      uses: exec\n      needs: {needs}\n      with:\n        script: |\n          echo count_{i} >> {counter}\n          echo \"n={i}\" >> \"$TIDEGATE_OUTPUT\"\n"
        ));
    }
    for i in 0..PROMOTIONS {
        steps.push_str(&format!(
            "    promote_{i}:\n      uses: kustomize/set-image\n      needs: [count_{}]\n      with: {{ repository: config, path: apps/{i}, image: shop, tag: \"v2-${{{{ steps.count_{}.outputs.n }}}}\" }}\n",
            i + 2, i + 2
        ));
    }
    format!("apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: ten }}\nspec:\n  steps:\n{steps}")
}

fn world() -> World {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    let counts = world.path().join("counts");
    std::fs::create_dir(&counts).expect("a folder");
    // Children run as an unprivileged user.
    std::fs::set_permissions(&counts, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("its mode");
    std::fs::set_permissions(world.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("its mode");
    let folder = counts.display().to_string();
    world.repository("app", &[(".tidegate/ten.yaml", &pipeline(&format!("{folder}/log")))]);
    let overlay = "images:\n  - name: shop\n    newTag: v1 # now\n";
    let paths: Vec<String> = (0..PROMOTIONS).map(|i| format!("apps/{i}/kustomization.yaml")).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), overlay)).collect();
    world.repository("config", &files);
    world.write(
        "tidegate.yaml",
        format!(
            "apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n  repositories:\n    app: {{ url: ./app.git }}\n    config: {{ url: ./config.git }}\n  plugins:\n    grants:\n      exec: {{ process: {{ programs: [\"*\"], environment: [\"*\"], paths: {{ write: [\"{folder}\"] }} }} }}\n"
        ),
    );
    world
}

/// Each child once, each promotion once.
fn check(world: &World, run: &str, told: &str) {
    let shown = world.tidegate(&["runs", "show", run, "--output", "json"]).expect(0).json();
    assert_eq!(shown["status"], "succeeded", "{told}\n{shown:#}");
    let steps = shown["steps"].as_object().expect("steps");
    assert_eq!(steps.len(), CHILDREN + PROMOTIONS);
    let log = std::fs::read_to_string(world.path().join("counts/log")).unwrap_or_default();
    let mut counted: BTreeMap<&str, u32> = BTreeMap::new();
    for line in log.lines() {
        *counted.entry(line).or_default() += 1;
    }
    let once = (0..CHILDREN).all(|i| counted.get(format!("count_{i}").as_str()) == Some(&1));
    assert!(once && counted.len() == CHILDREN, "{told}: children counted {counted:?}");
    for i in 0..PROMOTIONS {
        let path = format!("apps/{i}/kustomization.yaml");
        let commits = world
            .git("config.git", &["log", "--format=%H", "--grep", &format!("Tidegate-Run: {run}"), "main", "--", &path]);
        assert_eq!(commits.lines().count(), 1, "{told}: promotion {i}");
        let text = world.git("config.git", &["show", &format!("main:{path}")]);
        assert_eq!(text, format!("images:\n  - name: shop\n    newTag: v2-{} # now\n", i + 2), "{told}");
    }
}

fn crash(world: &World, arguments: &[&str], at: u64) -> bool {
    let output = world.command(arguments).env("TIDEGATE_CRASH", at.to_string()).output().expect("the binary");
    output.status.code().is_none()
}

/// A new run is killed at a point, resumed and killed again, and at last resumed to its end.
fn trial(first: u64, second: u64) -> (u64, bool) {
    let world = world();
    let told = format!("killed at point {first}, then {second}");
    let mut kills = 0;
    if !crash(&world, &["run", "--repository", "app"], first) {
        return (0, false);
    }
    kills += 1;
    let runs = world.tidegate(&["runs", "list", "--output", "json"]).expect(0).json();
    let Some(run) = runs[0]["run"].as_str().map(str::to_owned) else {
        // Killed before there was a run: nothing may have happened.
        assert!(!world.path().join("counts/log").exists(), "{told}");
        return (kills, true);
    };
    if crash(&world, &["runs", "resume", &run], second) {
        kills += 1;
        let ran = world.tidegate(&["runs", "resume", &run]);
        assert_eq!(ran.code, 0, "{told}\n{}\n{}", ran.out, ran.err);
    }
    check(&world, &run, &told);
    (kills, true)
}

#[test]
fn a_killed_run_goes_on() {
    let wanted = std::env::var("TIDEGATE_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(KILLS);
    // How many points a whole run passes.
    let mut points = 8;
    while trial(points, u64::MAX).1 {
        points += 8;
    }
    let workers = 2;
    let next = std::sync::atomic::AtomicU64::new(0);
    let kills = std::sync::atomic::AtomicU64::new(0);
    let covered = std::sync::Mutex::new(BTreeMap::<u64, u32>::new());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while kills.load(std::sync::atomic::Ordering::Relaxed) < wanted {
                    let i = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    // Uniform over the points: every one in turn, in an order that mixes early and late.
                    let first = 1 + (i * 37) % points;
                    let second = 1 + (i * 11) % (points / 2);
                    let (done, crashed) = trial(first, second);
                    kills.fetch_add(done, std::sync::atomic::Ordering::Relaxed);
                    if crashed {
                        *covered.lock().expect("no panic").entry(first).or_default() += 1;
                    }
                }
            });
        }
    });
    let covered = covered.into_inner().expect("no panic");
    // Past the test runner, which would keep it for failures.
    let _ = writeln!(
        std::io::stderr(),
        "{} kills, at {} of about {points} points of the journal, {} to {} times each",
        kills.into_inner(),
        covered.len(),
        covered.values().min().unwrap_or(&0),
        covered.values().max().unwrap_or(&0)
    );
}

/// How many points of the journal a run of so many steps passes, each with one child.
fn points(steps: usize) -> u64 {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    let step = |i: usize| {
        format!(
            "    s{i}: {{ uses: exec, needs: [{}], with: {{ command: [\"true\"] }} }}\n",
            if i == 0 { String::new() } else { format!("s{}", i - 1) }
        )
    };
    let all: String = (0..steps).map(step).collect();
    let pipeline =
        format!("apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: few }}\nspec:\n  steps:\n{all}");
    world.repository("app", &[(".tidegate/few.yaml", &pipeline)]);
    world.write(
        "tidegate.yaml",
        "apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n  repositories: { app: { url: ./app.git } }\n",
    );
    let (mut passed, mut too_many) = (0, 256);
    while too_many - passed > 1 {
        let middle = (passed + too_many) / 2;
        let state = format!("state-{middle}");
        if crash(&world, &["run", "--repository", "app", "--state", &state], middle) {
            passed = middle;
        } else {
            too_many = middle;
        }
    }
    passed
}

#[test]
fn a_step_with_one_effect_makes_two_commits() {
    // Three points a commit.
    assert_eq!(points(3) - points(2), 2 * 3);
}
