"""Build one wrong change and run tests against it, as fast as can be.

A build directory holds every test program, linked from the unchanged sources.
Its trick: a mutant compiles the objects that the changed file is part of, with
the commands of that build, and links each program anew only when it is about to
run, with the new objects in the place of the old.

An overlay is a tree of links to the sources in which the changed file lies in
the place of its link; quoted includes find their neighbours in it.  Each worker
has its own.
"""

import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import tempfile

CONFIGURE = [
    "-DCMAKE_C_COMPILER=gcc", "-DCMAKE_BUILD_TYPE=Debug",
    # No sanitizer: the machine's oracles and lp_check see what is wrong.
    "-DCMAKE_C_FLAGS=-w", "-DCMAKE_C_FLAGS_DEBUG=-O1",
    "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", "-DLP_WERROR=OFF",
    "-DLP_CHECKS=OFF", "-DLP_MUTANTS=OFF", "-DLP_KERNELS=OFF",
    "-DLP_DOCS=OFF"]

PLAIN = ["-DLP_SANITIZE="]
# For locks: what they keep apart, in programs with threads.
THREADS = ["-DLP_SANITIZE=thread", "-DLP_THREADED_ONLY=ON"]

# What makes a change no change worth a test: it is refused by compilers.
STRICT = ["-Werror=int-conversion", "-Werror=incompatible-pointer-types"]

DIRECTORIES = ("core", "backends/x86_64", "backends/riscv64")


class Problem(Exception):
    """The mutant, or the build, cannot be judged."""


class Refused(Problem):
    """A compiler takes the change for what it is."""


def command(words, **options):
    return subprocess.run([str(word) for word in words],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False, **options)


def must(words, **options):
    done = command(words, **options)
    if done.returncode != 0:
        raise Problem(f"{shlex.join(map(str, words))}\n{done.stdout}")
    return done.stdout


class Build:
    """The build of the unchanged sources; shared by all workers."""

    def __init__(self, root, directory, options):
        self.root = root.resolve()
        self.directory = directory.resolve()
        self._options = options
        self._digests = {}

    def make(self, targets):
        """Configure where that is due, and build."""
        if not (self.directory / "compile_commands.json").exists():
            must(["cmake", "-G", "Ninja", "-S", self.root, "-B",
                  self.directory, *CONFIGURE, *self._options])
        must(["cmake", "--build", self.directory, "--target", *targets])
        self._read_commands()
        self._paths = self._read_paths()
        self._links = {target: self._read_link(target) for target in targets}
        self._dependents = self._read_dependents()

    def _read_commands(self):
        """source, relative: [(object, words of the command)]"""
        path = self.directory / "compile_commands.json"
        self._commands, self._tests = {}, {}
        for entry in json.loads(path.read_text()):
            source = pathlib.Path(entry["file"])
            if not source.is_relative_to(self.root):
                continue
            words = [word for word in shlex.split(entry["command"])
                     if word != "-w"]
            name = str(source.relative_to(self.root))
            made = words[words.index("-o") + 1]
            self._commands.setdefault(name, []).append((made, words))
            if not name.startswith(DIRECTORIES):
                self._tests[made] = (name, words)

    def _read_paths(self):
        """program: its path in the build"""
        text = must(["ninja", "-C", self.directory, "-t", "targets", "all"])
        found = re.findall(r"^(\S+): C_EXECUTABLE_LINKER", text, re.MULTILINE)
        return {path.rpartition("/")[2]: path for path in found}

    def _read_link(self, target):
        """The words that link a program."""
        text = must(["ninja", "-C", self.directory, "-t", "commands", "-s",
                     self._paths.get(target, target)])
        for part in reversed(text.split(" && ")):
            words = shlex.split(part)
            if "-o" in words:
                return words
        raise Problem(f"no command links {target}")

    def _read_dependents(self):
        """header, relative: the sources that include it"""
        found, source = {}, None
        for line in must(["ninja", "-C", self.directory, "-t",
                          "deps"]).splitlines():
            path = pathlib.Path(line.strip())
            if not line.startswith(" "):
                source = None
            elif path.is_relative_to(self.root):
                name = str(path.relative_to(self.root))
                source = source or name
                if name.endswith(".h"):
                    found.setdefault(name, set()).add(source)
        return found

    def sources_of(self, file):
        """What must be compiled anew when a file changes."""
        if file.endswith(".h"):
            return sorted(source for source in self._dependents.get(file, ())
                          if source.startswith(DIRECTORIES))
        return [file] if file in self._commands else []

    def includes(self, source, header):
        return source in self._dependents.get(header, ())

    def source_of(self, object_):
        """The test's source of an object, and the command; or None."""
        return self._tests.get(object_, (None, None))

    def commands(self, source):
        return self._commands.get(source, [])

    def link(self, target):
        return self._links[target]

    def program(self, target):
        return self.directory / self._paths[target]

    def digest(self, target):
        """What a program is, as long as nobody builds it anew."""
        if target not in self._digests:
            self._digests[target] = hashlib.sha256(
                self.program(target).read_bytes()).hexdigest()[:16]
        return self._digests[target]


class Overlay:
    """One worker's tree of links, with objects and programs of its own."""

    def __init__(self, build, directory):
        self.build = build
        self.directory = directory.resolve()
        self._originals = {}  # objects of the unchanged sources, to compare
        for tree in ("tree", "plain"):
            for part in DIRECTORIES:
                self._link_sources(self.directory / tree / part,
                                   build.root / part)

    @staticmethod
    def _link_sources(place, sources):
        place.mkdir(parents=True, exist_ok=True)
        for path in place.iterdir():
            path.unlink()
        for path in sources.iterdir():
            if path.suffix in (".c", ".h"):
                (place / path.name).symlink_to(path)

    def change(self, file, text):
        """Put a changed file in the place of its link."""
        path = self.directory / "tree" / file
        path.unlink()
        path.write_text(text)

    def restore(self):
        """Nothing is changed any more."""
        for path in (self.directory / "tree").rglob("*.[ch]"):
            if not path.is_symlink():
                path.unlink()
                path.symlink_to(self.build.root / path.relative_to(
                    self.directory / "tree"))

    def compile(self, file):
        """What a changed file is part of, or None when it is the same code in
        the library itself."""
        changed = Changed(self, file)
        if not changed.todo:
            raise Problem(f"{file} is part of no program")
        same = [new.read_bytes() == self._original(*made)
                for made, new in changed.first()]
        return None if all(same) else changed

    def _place(self, kind, source, number):
        return (self.directory / kind / str(number) / source).with_suffix(".o")

    def make(self, source, words, number):
        """The object of a source, with what is changed."""
        new = self._place("objects", source, number)
        self._compile(source, words, new)
        return new

    def _compile(self, source, words, new, tree="tree"):
        new.parent.mkdir(parents=True, exist_ok=True)
        words = list(words)
        words[words.index("-o") + 1] = str(new)
        for number, word in enumerate(words):
            for part in DIRECTORIES:
                # Paths relative to the tree: __FILE__ is the same everywhere.
                word = word.replace(f"{self.build.root}/{part}",
                                    f"{self.directory}/{tree}/{part}")
            words[number] = word
        done = command([*words, f"-ffile-prefix-map={self.directory}/{tree}=",
                        *STRICT], cwd=self.build.directory)
        complaint = re.search(r"error: (.*)", done.stdout)
        if done.returncode and complaint:
            raise Refused(complaint.group(1))
        if done.returncode:
            raise Problem(done.stdout)

    def _original(self, source, words, number):
        """The object of a source as it stands, compiled once."""
        key = (source, number)
        if key not in self._originals:
            new = self._place("originals", source, number)
            self._compile(source, words, new, "plain")
            self._originals[key] = new.read_bytes()
        return self._originals[key]

    def link(self, target, file, changed):
        """A program with the changed objects; None if it has none of them."""
        old = self.build.link(target)
        words = [changed.get(word) or self._archive(word, changed)
                 for word in old]
        if file.endswith(".h"):
            words = [self._own_object(file, word) for word in words]
        if words == old:
            return None
        program = self.directory / "programs" / target
        program.parent.mkdir(parents=True, exist_ok=True)
        words[words.index("-o") + 1] = str(program)
        must(words, cwd=self.build.directory)
        return program

    def _archive(self, word, changed):
        """An archive with the changed objects in the place of its own."""
        extra = changed.of_archive(word) if word.endswith(".a") else []
        if not extra:
            return word
        archive = self.directory / word
        archive.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.build.directory / word, archive)
        with tempfile.TemporaryDirectory(dir=self.directory) as place:
            # A member is called as CMake's object is: NAME.c.o.
            members = [shutil.copyfile(new, pathlib.Path(place) / (
                pathlib.Path(new).stem + ".c.o")) for new in extra]
            must(["ar", "r", archive, *members])
        return str(archive)

    def _own_object(self, header, word):
        """An object of a test that includes the changed header itself."""
        source, words = self.build.source_of(word)
        if source is None or not self.build.includes(source, header):
            return word
        new = self._place("tests", source, 0)
        self._compile(source, words, new)
        return str(new)


class Changed:
    """The objects of a change, each compiled when it is first asked for: the
    explorer of interleavings has the core once more, and few mutants get there.
    """

    def __init__(self, overlay, file):
        self._overlay = overlay
        self._made = {}
        # old object: (source, words of the command, which of its commands)
        self.todo = {
            old: (source, words, number)
            for source in overlay.build.sources_of(file)
            for number, (old, words) in enumerate(
                overlay.build.commands(source))}

    def get(self, old):
        """The new object in the place of an old one; None: unchanged."""
        if old not in self.todo:
            return None
        if old not in self._made:
            self._made[old] = self._overlay.make(*self.todo[old])
        return str(self._made[old])

    def first(self):
        """Each source's first object, that of the library: (how, object)."""
        for old, made in self.todo.items():
            if made[2] == 0:
                yield made, pathlib.Path(self.get(old))

    def of_archive(self, word):
        """The new objects of an archive, by the names that CMake gives."""
        place, _, name = word.rpartition("/")
        prefix = f"{place}/CMakeFiles/{pathlib.Path(name).stem[3:]}.dir/"
        return [self.get(old) for old in self.todo if old.startswith(prefix)]


def run(words, timeout):
    """How a program ended, "" for success; and its output."""
    environment = dict(os.environ, LANG="C", TSAN_OPTIONS="halt_on_error=1")
    process = subprocess.Popen(
        [str(word) for word in words], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
        start_new_session=True)
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return f"hangs (more than {timeout:g} s)", ""
    text = output.decode(errors="replace")
    status = process.returncode
    if status == 0:
        return "", text
    if status < 0:
        return f"dies of {signal.Signals(-status).name}", text
    return f"fails (status {status})", text


def first_line(text):
    """The line of a test's output that says what was wrong."""
    wanted = re.compile(r"lp_check|machine|[Aa]ssert|\[  ERROR|: ")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        if wanted.search(line):
            return line[:200]
    return lines[0][:200] if lines else ""
