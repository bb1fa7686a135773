#!/usr/bin/env bash
# The recipes of contrib/recipes, run as they stand there, in a repository that begins with their example.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=${abs_top_srcdir:-$(cd "$here/../.." && pwd)}
# shellcheck source=tests/tap.sh
. "$top/tests/tap.sh"
build=${abs_top_builddir:-$top/build}
[ -x "$build/namegate" ] || skip_all "there is no $build/namegate: build first"
command -v git >/dev/null || skip_all "git is not installed"
recipes=$top/contrib/recipes
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/home" && ln -s "$build/namegate" "$work/bin/namegate"
# shellcheck disable=SC2046
unset $(git rev-parse --local-env-vars)
export GIT_CONFIG_NOSYSTEM=1 HOME=$work/home PATH=$work/bin:$PATH
unset NAMEGATE NAMEGATE_REPORT NAMEGATE_WIDENING MAKEFLAGS MAKELEVEL MFLAGS
git config --global user.name t
git config --global user.email t@t.example
git config --global init.defaultBranch main
git config --global advice.detachedHead false

exit_of() {
	"$@" >"$work/out" 2>&1
	echo $?
}
new_repository() { # NAME: the example in policy/, committed
	mkdir "$work/$1" && cd "$work/$1" || exit 1
	git init -q
	cp -r "$recipes/example" policy && chmod -R u+w policy
	mkdir .ci && cp "$recipes/namegate-ci" .ci/
	git add -A && git commit -q -m first
}

is "the example is right" 0 "$(exit_of namegate check --werror -c "$recipes/example/namegate.conf")"
is "what is expected of the example holds" 0 "$(exit_of namegate test "$recipes/example")"

# ---- the hook ----

new_repository hook
cp "$recipes/namegate-pre-commit" .git/hooks/pre-commit && chmod +x .git/hooks/pre-commit
commit() { exit_of git commit -q -m more "$@"; }
echo 'crates.io:443' >>policy/ci.list
is "a good change is committed" 0 "$(commit -a)"
echo 'https://example.com/x' >>policy/ci.list && git add -A
is "a list that is not right is refused" 1 "$(commit)"
like "with file, line and what to do" '^policy/ci\.list:5:1: error: .*\[list-url\]$' "$(cat "$work/out")"
git reset -q --hard
echo 'evil.example' >>policy/never.list && sed -i 's/^!/# /' policy/never.list && git add -A
is "a change that breaks an expectation is refused" 1 "$(commit)"
like "with the expectation" 'ci\.expect:5' "$(cat "$work/out")"
git reset -q --hard
echo 'policies = {"none.list"}' >policy/other-namegate.conf && git add -A
is "a configuration that names what is not there is refused" 1 "$(commit)"
git reset -q --hard
echo 'docs.rs:443' >>policy/ci.list && git add -A && echo 'https://not.staged/' >>policy/ci.list
is "what is not staged does not matter" 0 "$(commit)"
git checkout -q policy && echo 'https://staged.example/' >>policy/ci.list && git add -A && git checkout -q HEAD -- . 2>/dev/null
echo 'https://staged.example/' >>policy/ci.list && git add -A && sed -i '$d' policy/ci.list
is "what is staged does, whatever the work tree says" 1 "$(commit)"
git reset -q --hard
mkdir -p "a b" && printf 'space.example\n' >"a b/-x y.list" && git add -A
is "names with blanks and hyphens" 0 "$(commit)"
git rm -q "a b/-x y.list"
is "a list that goes" 0 "$(commit)"
echo text >notes.txt && git add -A
is "a commit without policies needs no namegate" 0 "$(NAMEGATE=/none commit)"
echo 'x.example' >>policy/ci.list && git add -A
is "one with policies does" 1 "$(NAMEGATE=/none commit)"
like "and says so" 'there is no /none; install it' "$(cat "$work/out")"

# ---- the framework ----

manifest=$top/.pre-commit-hooks.yaml
value() { sed -n "s/^ *$1: //p" "$manifest" | tr -d "'"; }
is "the framework's entry is the hook" "$recipes/namegate-pre-commit" "$top/$(value entry)"
is "it runs as the framework runs it, without names" "false script" "$(value pass_filenames) $(value language)"
cd "$work/hook" && git reset -q --hard && echo 'https://example.com/x' >>policy/ci.list && git add -A
is "and refuses what the hook refuses" 1 "$(exit_of "$top/$(value entry)")"
is "its pattern has what is a policy, and no more" "policy/ci.list a.rpz x/deny.zone ci.expect s.scene namegate.conf my-namegate-2.conf" \
	"$(printf '%s\n' policy/ci.list a.rpz x/deny.zone ci.expect s.scene namegate.conf my-namegate-2.conf list README.md nginx.conf x.listing |
		grep -E "$(value files)" | paste -sd ' ')"
if command -v pre-commit >/dev/null; then
	succeeds "the framework accepts the manifest" pre-commit validate-manifest "$manifest"
else
	skip "the framework accepts the manifest" "pre-commit is not installed"
fi

# ---- the jobs ----

new_repository jobs
github() { # the step of the job, as its shell runs it
	export GITHUB_WORKSPACE=$PWD
	awk '/^ *- name: check, test, compare/ { step = 1 } step && on && !/^          / { exit }
		on { print } step && /run: \|/ { on = 1 }' "$recipes/github.yaml" >"$work/step"
	exit_of bash -e "$work/step"
}
gitlab() {
	export CI_MERGE_REQUEST_DIFF_BASE_SHA
	CI_MERGE_REQUEST_DIFF_BASE_SHA=$(git rev-parse main)
	sed -n '/^  script:/,/^  [a-z]*:$/s/^    - //p' "$recipes/gitlab.yaml" >"$work/step"
	exit_of sh -e "$work/step"
}
change() { # NAME: a branch, and its merge as a code host makes it for a job
	git add -A && git commit -q -m "$1" && git checkout -q --detach main &&
		git merge -q --no-ff -m merge "$1"
}
git checkout -q -b narrower && sed -i '/pythonhosted/d' policy/ci.list && sed -i '/pythonhosted/d; s/ files[^ ]*//' policy/ci.expect && change narrower
for job in github gitlab; do
	is "$job: a narrower policy passes" 0 "$($job)"
	like "$job: there are commands" 'namegate-ci' "$(cat "$work/step")"
	is "$job: the comment says what it is" '### namegate: narrows: 1 name' "$(head -n 1 namegate-report/diff.md)"
	like "$job: the tests are reported" '<testsuite' "$(cat namegate-report/junit.xml)"
	rm -r namegate-report
done
git checkout -q -b wider main && echo 'github.com:443' >>policy/ci.list && change wider
for job in github gitlab; do
	is "$job: a wider policy does not" 1 "$($job)"
	like "$job: and the comment has the name" '^\| widens \| `github\.com` ' "$(cat namegate-report/diff.md)"
	is "$job: unless it is agreed" 0 "$(NAMEGATE_WIDENING=agreed $job)"
	rm -r namegate-report
done
git checkout -q -b broken main && sed -i '/pypi/d' policy/ci.list && change broken
for job in github gitlab; do
	is "$job: an expectation that does not hold" 1 "$(NAMEGATE_WIDENING=agreed $job)"
	like "$job: it is in the report" '<failure' "$(cat namegate-report/junit.xml)"
	like "$job: and the rest was done" '^### namegate: ' "$(cat namegate-report/diff.md)"
	rm -r namegate-report
done
git checkout -q -b unusable main && echo 'https://example.com/x' >>policy/ci.list && change unusable
for job in github gitlab; do
	is "$job: a list that is not right" 2 "$($job)"
	like "$job: with its place" '^ci\.list:4:1: error: |/ci\.list:4:1: error: ' "$(cat "$work/out")"
done
git checkout -q -b added main && mkdir new && cp policy/* new/ && change added
is "a configuration that the base does not have is all new" 1 "$(exit_of sh .ci/namegate-ci HEAD^1 new/namegate.conf)"
like "and told as such" '^\| widens \| `pypi\.org` ' "$(cat namegate-report/diff.md)"
is "a base that was not fetched" 2 "$(exit_of sh .ci/namegate-ci 0123456789abcdef0123456789abcdef01234567 policy/namegate.conf)"
like "says what to do" 'fetch it' "$(cat "$work/out")"
if python3 -c 'import yaml' 2>/dev/null; then
	for file in "$recipes"/*.yaml "$manifest"; do
		succeeds "${file##*/} is YAML" python3 -c 'import sys, yaml; yaml.safe_load(open(sys.argv[1]))' "$file"
	done
else
	skip "the jobs are YAML" "python3-yaml is not installed"
fi

# ---- make, and the README's own command ----

new_repository make
printf 'include %s/namegate.mk\n' "$recipes" >makefile
is "make policy" 0 "$(exit_of make policy)"
is "make policy-diff: nothing opens" 0 "$(exit_of make policy-diff)"
echo 'github.com:443' >>policy/ci.list
is "make policy-diff: something does" 2 "$(exit_of make policy-diff)"
like "and it is shown" '^  \+ github\.com ' "$(cat "$work/out")"
sed -i '/pypi/d' policy/ci.list
is "make policy-test: an expectation does not hold" 2 "$(exit_of make policy-test)"
git checkout -q policy && git checkout -q -b topic && echo 'github.com:443' >>policy/ci.list
command=$(sed -n '/^```review$/,/^```$/p' "$top/README.md" | sed '1d;$d')
like "the README has a command" '^namegate diff ' "$command"
is "$command" 1 "$(exit_of sh -c "$command")"
like "shows what opens" '^  \+ github\.com ' "$(cat "$work/out")"
tap_done
