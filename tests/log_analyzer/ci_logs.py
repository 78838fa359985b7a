"""Failures as the tools of builds word them, invented, each with the strings that a reader must have seen."""

# ruff: noqa: E501 - a table of lines as tools print them

from __future__ import annotations

import random

_NOISE = (
    "Downloading artifact org.example:lib-{}:1.{}.jar (4{} kB)", "[INFO] Compiling {} source files to target/classes{}{}",
    "ok   example.org/mod/pkg{}  0.0{}s{}", "  ✓ renders item {} ({} ms){}", "Resolving dependency tree {} of {}{}",
    "   Compiling crate-{} v0.{}.{}", "PASS src/ui/part{}.test.ts ({}.{} s)", "note: error-handling helpers loaded {} {} {}",
    "warning: unused variable: `x{}` in src/lib{}.rs:{}", "remote: Counting objects: {}% ({}/{})", "Test case {}-{}-{} passed",
)  # fmt: skip
AFTER = ["Post job cleanup.", "[command]/usr/bin/git config --local --unset-all x", "Cleaning up orphan processes"]


def noise(lines: int, seed: int) -> list[str]:
    """So many lines of a build in which all goes well."""
    chance = random.Random(seed)
    return [chance.choice(_NOISE).format(*(chance.randint(1, 999) for _ in range(3))) for _ in range(lines)]


# The tool's lines, and the strings that must be left of them.
FAILURES: dict[str, tuple[list[str], list[str]]] = {
    "gradle": (
        [
            "> Task :app:compileJava",
            "> Task :app:test FAILED",
            "",
            "CartTest > addsItem() FAILED",
            "    org.opentest4j.AssertionFailedError: expected: <3> but was: <2>",
            "        at app//shop.CartTest.addsItem(CartTest.java:41)",
            "",
            "12 tests completed, 1 failed",
            "",
            "FAILURE: Build failed with an exception.",
            "",
            "* What went wrong:",
            "Execution failed for task ':app:test'.",
            "> There were failing tests. See the report at: file:///b/reports/index.html",
            "",
            "BUILD FAILED in 41s",
        ],
        [
            "CartTest > addsItem() FAILED",
            "expected: <3> but was: <2>",
            "CartTest.java:41",
            "12 tests completed, 1 failed",
            "Execution failed for task ':app:test'",
            "BUILD FAILED in 41s",
        ],
    ),
    "maven": (
        [
            "[INFO] Running shop.StockTest",
            "[ERROR] Tests run: 4, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.1 s <<< FAILURE! -- in shop.StockTest",
            "[ERROR] shop.StockTest.counts -- Time elapsed: 0.01 s <<< FAILURE!",
            "org.junit.ComparisonFailure: expected:<[7]> but was:<[8]>",
            "\tat shop.StockTest.counts(StockTest.java:22)",
            "[INFO] Results:",
            "[ERROR] Failures: ",
            "[ERROR]   StockTest.counts:22 expected:<[7]> but was:<[8]>",
            "[ERROR] Tests run: 30, Failures: 1, Errors: 0, Skipped: 0",
            "[INFO] BUILD FAILURE",
            "[ERROR] Failed to execute goal org.apache.maven.plugins:maven-surefire-plugin:3.1:test (default-test) on project shop: There are test failures.",
        ],
        [
            "StockTest.counts:22 expected:<[7]> but was:<[8]>",
            "Tests run: 30, Failures: 1",
            "Failed to execute goal org.apache.maven.plugins:maven-surefire-plugin",
            "BUILD FAILURE",
        ],
    ),
    "gotest": (
        [
            "=== RUN   TestSplit",
            "    split_test.go:31: got [a b], want [a b c]",
            "--- FAIL: TestSplit (0.00s)",
            "FAIL",
            "FAIL\texample.org/split\t0.012s",
            "exit status 1",
            "make: *** [Makefile:12: test] Error 1",
        ],
        [
            "split_test.go:31: got [a b], want [a b c]",
            "--- FAIL: TestSplit",
            "FAIL\texample.org/split",
            "make: *** [Makefile:12: test] Error 1",
        ],
    ),
    "gopanic": (
        [
            "panic: runtime error: index out of range [5] with length 3",
            "",
            "goroutine 1 [running]:",
            "main.pick(...)",
            "\t/src/pick.go:18",
            "main.main()",
            "\t/src/main.go:9 +0x1d",
            "exit status 2",
        ],
        ["panic: runtime error: index out of range [5] with length 3", "/src/pick.go:18", "exit status 2"],
    ),
    "dotnet": (
        [
            "  Failed Shop.Tests.PriceTests.Rounds [12 ms]",
            "  Error Message:",
            "   Assert.Equal() Failure: Values differ",
            "Expected: 1.25",
            "Actual:   1.24",
            "  Stack Trace:",
            "     at Shop.Tests.PriceTests.Rounds() in /src/PriceTests.cs:line 19",
            "Failed!  - Failed:     1, Passed:    61, Skipped:     0, Total:    62, Duration: 1 s - Shop.Tests.dll (net8.0)",
        ],
        [
            "Failed Shop.Tests.PriceTests.Rounds",
            "Assert.Equal() Failure",
            "Expected: 1.25",
            "Actual:   1.24",
            "PriceTests.cs:line 19",
            "Failed:     1, Passed:    61",
        ],
    ),
    "csc": (
        [
            "Program.cs(14,9): error CS1002: ; expected [/src/App.csproj]",
            "",
            "Build FAILED.",
            "    0 Warning(s)",
            "    1 Error(s)",
        ],
        ["Program.cs(14,9): error CS1002: ; expected", "Build FAILED.", "1 Error(s)"],
    ),
    "ctest": (
        [
            "12/40 Test #12: parse_dates ......................***Failed    0.04 sec",
            "98% tests passed, 1 tests failed out of 40",
            "The following tests FAILED:",
            "\t 12 - parse_dates (Failed)",
            "Errors while running CTest",
        ],
        ["Test #12: parse_dates", "1 tests failed out of 40", "12 - parse_dates (Failed)"],
    ),
    "gcc": (
        [
            "[ 41%] Building CXX object src/CMakeFiles/core.dir/ring.cpp.o",
            "/src/ring.cpp:88:17: error: no matching function for call to 'push(int)'",
            "   88 |     ring.push(1);",
            "      |     ~~~~~~~~~^~~",
            "ninja: build stopped: subcommand failed.",
        ],
        [
            "/src/ring.cpp:88:17: error: no matching function",
            "ring.push(1);",
            "ninja: build stopped: subcommand failed.",
        ],
    ),
    "ld": (
        [
            "/usr/bin/ld: ring.o: in function `main':",
            "ring.cpp:(.text+0x1f): undefined reference to `ring_open'",
            "collect2: error: ld returned 1 exit status",
        ],
        ["undefined reference to `ring_open'", "collect2: error: ld returned 1 exit status"],
    ),
    "eslint": (
        [
            "/src/ui/cart.js",
            "  12:5   error  'total' is not defined       no-undef",
            "  30:11  warning  Unexpected console statement  no-console",
            "",
            "✖ 2 problems (1 error, 1 warning)",
            "error Command failed with exit code 1.",
        ],
        [
            "/src/ui/cart.js",
            "'total' is not defined",
            "✖ 2 problems (1 error, 1 warning)",
            "error Command failed with exit code 1.",
        ],
    ),
    "terraform": (
        [
            "│ Error: Invalid reference",
            "│ ",
            '│   on main.tf line 7, in resource "aws_instance" "web":',
            "│    7:   ami = ami_id",
            "│ ",
            "│ A reference to a resource type must be followed by at least one attribute access.",
            "╵",
        ],
        ["Error: Invalid reference", "on main.tf line 7", "A reference to a resource type"],
    ),
    "gitlab": (
        [
            "$ bundle exec rspec",
            "  1) Invoice totals adds tax",
            "     Failure/Error: expect(invoice.total).to eq(119)",
            "       expected: 119",
            "            got: 100",
            "     # ./spec/invoice_spec.rb:17:in `block (3 levels)'",
            "41 examples, 1 failure",
            "rspec ./spec/invoice_spec.rb:15 # Invoice totals adds tax",
            "ERROR: Job failed: exit code 1",
        ],
        [
            "bundle exec rspec",
            "1) Invoice totals adds tax",
            "Failure/Error: expect(invoice.total).to eq(119)",
            "got: 100",
            "41 examples, 1 failure",
            "rspec ./spec/invoice_spec.rb:15",
            "ERROR: Job failed: exit code 1",
        ],
    ),
    "jenkins": (
        [
            "[Pipeline] sh",
            "+ ./deploy.sh staging",
            "ssh: connect to host 10.1.2.3 port 22: Connection timed out",
            "script returned exit code 255",
            "ERROR: script returned exit code 255",
            "Finished: FAILURE",
        ],
        [
            "./deploy.sh staging",
            "ssh: connect to host 10.1.2.3 port 22: Connection timed out",
            "script returned exit code 255",
            "Finished: FAILURE",
        ],
    ),
    "azure": (
        [
            "##[section]Starting: Unit tests",
            "============================== 1 failed",
            "##[error]Bash exited with code '2'.",
            "##[section]Finishing: Unit tests",
        ],
        ["Starting: Unit tests", "##[error]Bash exited with code '2'."],
    ),
    "circleci": (
        [
            "#!/bin/bash -eo pipefail",
            "npm test",
            "npm ERR! code ELIFECYCLE",
            "npm ERR! shop@1.0.0 test: `jest`",
            "npm ERR! Exit status 1",
            "",
            "Exited with code exit status 1",
        ],
        ["npm ERR! code ELIFECYCLE", "npm ERR! Exit status 1", "Exited with code exit status 1"],
    ),
    "npm": (
        [
            "npm error code ERESOLVE",
            "npm error ERESOLVE unable to resolve dependency tree",
            "npm error Found: react@17.0.2",
            'npm error peer react@"^18" from @ui/kit@2.1.0',
            "npm error A complete log of this run can be found in: /root/.npm/_logs/x.log",
        ],
        ["ERESOLVE unable to resolve dependency tree", 'peer react@"^18" from @ui/kit@2.1.0'],
    ),
    "pip": (
        [
            "ERROR: Could not find a version that satisfies the requirement numpyy==9.9 (from versions: none)",
            "ERROR: No matching distribution found for numpyy==9.9",
        ],
        ["requirement numpyy==9.9", "No matching distribution found"],
    ),
    "phpunit": (
        [
            "There was 1 failure:",
            "",
            "1) App\\Tests\\CartTest::testTotal",
            "Failed asserting that 3 matches expected 4.",
            "",
            "/app/tests/CartTest.php:28",
            "",
            "FAILURES!",
            "Tests: 10, Assertions: 20, Failures: 1.",
        ],
        [
            "CartTest::testTotal",
            "Failed asserting that 3 matches expected 4.",
            "CartTest.php:28",
            "Tests: 10, Assertions: 20, Failures: 1.",
        ],
    ),
    "swift": (
        [
            '/src/Tests/CartTests.swift:20: error: -[CartTests testSum] : XCTAssertEqual failed: ("3") is not equal to ("4")',
            "Test Case '-[CartTests testSum]' failed (0.002 seconds).",
            "** TEST FAILED **",
        ],
        ["XCTAssertEqual failed", "** TEST FAILED **"],
    ),
    "bazel": (
        [
            "ERROR: /w/app/BUILD:7:11: Compiling app/main.cc failed: (Exit 1): gcc failed: error executing command",
            "app/main.cc:3:1: error: unknown type name 'strng'",
            "Target //app:main failed to build",
            "INFO: Build did NOT complete successfully",
        ],
        [
            "/w/app/BUILD:7:11",
            "unknown type name 'strng'",
            "Target //app:main failed to build",
            "Build did NOT complete successfully",
        ],
    ),
    "ansible": (
        [
            "TASK [web : restart nginx] *****",
            'fatal: [host7]: FAILED! => {"changed": false, "msg": "Could not find the requested service nginx: host"}',
            "PLAY RECAP ****",
            "host7 : ok=12 changed=3 unreachable=0 failed=1 skipped=2",
        ],
        ["TASK [web : restart nginx]", "Could not find the requested service nginx", "failed=1"],
    ),
    "kube": (
        [
            'Waiting for deployment "api" rollout to finish: 0 of 3 updated replicas are available...',
            'error: deployment "api" exceeded its progress deadline',
            "Error: Process completed with exit code 1.",
        ],
        ['error: deployment "api" exceeded its progress deadline'],
    ),
    "clippy": (
        [
            "error: this expression creates a reference which is immediately dereferenced",
            "  --> src/main.rs:10:18",
            "   |",
            "10 |     run(&&name);",
            "   |         ^^^^^^ help: change this to: `&name`",
            'error: could not compile `shop` (bin "shop") due to 1 previous error',
        ],
        ["this expression creates a reference", "src/main.rs:10:18", "could not compile `shop`"],
    ),
    "black": (
        [
            "would reformat src/shop/cart.py",
            "1 file would be reformatted, 40 files would be left unchanged.",
        ],
        ["would reformat src/shop/cart.py", "1 file would be reformatted"],
    ),
    "ruff": (
        [
            "src/shop/cart.py:3:8: F401 [*] `os` imported but unused",
            "Found 1 error.",
            "[*] 1 fixable with the `--fix` option.",
        ],
        ["cart.py:3:8: F401", "Found 1 error."],
    ),
    "mocha": (
        [
            "  40 passing (1s)",
            "  1 failing",
            "",
            "  1) Cart",
            "       totals:",
            "",
            "      AssertionError [ERR_ASSERTION]: 3 == 4",
            "      + expected - actual",
            "",
            "      -3",
            "      +4",
            "      at Context.<anonymous> (test/cart.js:9:12)",
        ],
        ["1 failing", "AssertionError [ERR_ASSERTION]: 3 == 4", "-3", "test/cart.js:9:12"],
    ),
    "elixir": (
        [
            "  1) test adds (CartTest)",
            "     test/cart_test.exs:5",
            "     Assertion with == failed",
            "     code:  assert add(1, 1) == 3",
            "     left:  2",
            "     right: 3",
            "10 tests, 1 failure",
        ],
        ["1) test adds (CartTest)", "Assertion with == failed", "left:  2", "right: 3", "10 tests, 1 failure"],
    ),
    "oom": (
        [
            "/entrypoint.sh: line 5:   812 Killed                  python train.py",
            "##[error]Process completed with exit code 137.",
        ],
        ["Killed                  python train.py", "exit code 137"],
    ),
    "disk": (
        [
            "tar: write error: No space left on device",
            "##[error]Process completed with exit code 2.",
        ],
        ["No space left on device", "exit code 2"],
    ),
    "timeout": (
        [
            "##[error]The job running on runner X has exceeded the maximum execution time of 360 minutes.",
            "##[error]The operation was canceled.",
        ],
        ["exceeded the maximum execution time of 360 minutes"],
    ),
    "git": (
        [
            "Auto-merging src/a.py",
            "CONFLICT (content): Merge conflict in src/a.py",
            "error: could not apply 1a2b3c4... Change totals",
        ],
        ["CONFLICT (content): Merge conflict in src/a.py", "could not apply 1a2b3c4"],
    ),
    "curl": (
        [
            "curl: (22) The requested URL returned error: 404",
            "##[error]Process completed with exit code 22.",
        ],
        ["curl: (22) The requested URL returned error: 404", "exit code 22"],
    ),
    "docker": (
        [
            "------",
            " > [build 4/6] RUN npm ci:",
            "1.2 npm error code EUSAGE",
            "------",
            'ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1',
        ],
        ["[build 4/6] RUN npm ci", "npm error code EUSAGE", "failed to solve"],
    ),
    "shellcheck": (
        [
            "In deploy.sh line 4:",
            "rm -rf $dir",
            "       ^--^ SC2086 (info): Double quote to prevent globbing and word splitting.",
            "Process exited with status 1",
        ],
        ["In deploy.sh line 4:", "SC2086", "status 1"],
    ),
    "perl": (
        [
            "t/cart.t .. Failed 1/12 subtests",
            "Test Summary Report",
            "t/cart.t (Wstat: 256 Tests: 12 Failed: 1)",
            "  Failed test:  7",
            "Result: FAIL",
        ],
        ["t/cart.t .. Failed 1/12 subtests", "Failed test:  7", "Result: FAIL"],
    ),
    "cypress": (
        [
            "  1 failing",
            "  1) checkout",
            "       pays:",
            "     AssertionError: Timed out retrying after 4000ms: Expected to find element: `#pay`, but never found it.",
            "  ✖  1 of 3 failed (33%)  00:21",
        ],
        ["Timed out retrying after 4000ms", "1 of 3 failed"],
    ),
    "vitest": (
        [
            " FAIL  src/cart.test.ts > totals > adds tax",
            "AssertionError: expected 100 to be 119 // Object.is equality",
            "",
            "- Expected",
            "+ Received",
            "",
            "- 119",
            "+ 100",
            "",
            "",
            " ❯ src/cart.test.ts:8:21",
            " Test Files  1 failed | 12 passed (13)",
        ],
        [
            "src/cart.test.ts > totals > adds tax",
            "expected 100 to be 119",
            "- 119",
            "+ 100",
            "src/cart.test.ts:8:21",
            "1 failed | 12 passed",
        ],
    ),
}
