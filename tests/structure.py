#!/usr/bin/env python3
"""tests/structure.py [--list] [--sizes] [DIRECTORY]: checks the rooms of framework/ (or of DIRECTORY).

A room is a folder that a line `seg_room(NAME FOLDER ... LINK room_OTHER...)` of a CMakeLists.txt names. A room may use
the rooms that it links, and the rooms that those link. A file outside of all rooms belongs to the program that the
nearest CMakeLists.txt builds, and may use the rooms that the program links. Every file may use include/segmenter.

x.c and x.h count as one file, x. A file has an arrow to each file whose header it includes, and to each file whose
functions it uses, unless they are static or no header declares them. Two things are errors:

    circle   files that reach each other along arrows, or rooms that link each other
    upward   an arrow to a room that the file may not use; an include with "..", or of a file that is not found

Each arrow that is an error gets one line: the file, the file that it uses, and the includes and functions that make the
arrow. --list also lists every arrow between rooms. --sizes names the longest function and the largest file. The last line
has the totals. Exits with 1 if there is an error.
"""
import argparse
import collections
import os
import re
import sys

FRAMEWORK = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'framework')
COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|("(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')', re.S)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(?:"([^"]+)"|<(segmenter/[^>]+)>)', re.M)
CPLUSPLUS_ONLY = re.compile(r'^#ifdef __cplusplus\n.*?^#endif', re.S | re.M)
DIRECTIVE = re.compile(r'^[ \t]*#[ \t]*(\w*)((?:\\\n|[^\n])*)', re.M)
WORD = re.compile(r'[A-Za-z_]\w*')
TOKEN = re.compile(r'[A-Za-z_]\w*|->|[^\s\w]|\n')
TYPE_BEFORE = re.compile(r'\w|\*')  # a word before these is the type of a declaration, or a keyword
NOT_USED_AFTER = {'.', '->', 'struct', 'enum', 'union', 'goto'}

Function = collections.namedtuple('Function', 'name static path line lines')


def reach(arrows):
    """For each start of an arrow, all that it leads to."""
    reached = {}
    for start in arrows:
        found, waiting = set(), [start]
        while waiting:
            new = set(arrows.get(waiting.pop(), ())) - found
            found |= new
            waiting += new
        reached[start] = found
    return reached


# --- one .c or .h file ----------------------------------------------------------------------------------------


class Source:
    """What a file includes, the functions that it defines, and the words that its functions, tables and macros use."""

    def __init__(self, path):
        self.path = path
        with open(path, encoding='utf-8') as file:
            text = file.read()
        self.lines = text.count('\n')
        without_comments = COMMENT_OR_STRING.sub(lambda m: m[1] or self.blank(m), text)
        self.includes = [quoted or angled for quoted, angled in INCLUDE.findall(without_comments)]
        code = COMMENT_OR_STRING.sub(lambda m: '""' if m[1] else self.blank(m), text)
        self.functions, self.used = [], set()
        self.read(DIRECTIVE.sub(self.directive, CPLUSPLUS_ONLY.sub(self.blank, code)))
        self.declared = set(WORD.findall(code)) if path.endswith('.h') else set()

    @staticmethod
    def blank(match):
        return '\n' * match[0].count('\n')

    def directive(self, match):
        if match[1] == 'define':
            self.used.update(WORD.findall(match[2])[1:])
        return self.blank(match)

    def read(self, code):
        """A head outside of all braces says what the braces after it hold: a function's code, a type or a table."""
        depth, line, begin, head, before = 0, 1, 1, [], ''
        tokens = TOKEN.findall(code)
        for token, after in zip(tokens, tokens[1:] + ['']):
            if token == '\n':
                line += 1
                continue
            if not head:
                begin = line
            depth -= token == '}'
            if depth > 0 and before not in NOT_USED_AFTER and not TYPE_BEFORE.match(after):
                self.used.add(token)
            elif depth == 0 and token == '}':
                name = function_name(head)
                if name:
                    self.functions.append(Function(name, 'static' in head, self.path, begin, line - begin + 1))
                    head = []
            elif depth == 0:
                head = [] if token == ';' else head + [token]
            depth += token == '{'
            before = token
        if depth != 0:
            sys.exit(f'{self.path}: cannot read it, because its braces do not match')


def function_name(head):
    """The name in `int name(int argument) {`; None if the head is not a function's."""
    if head[-2:] != [')', '{'] or '=' in head:
        return None
    depth = 0
    for i in range(len(head) - 2, 0, -1):
        depth += {')': 1, '(': -1}.get(head[i], 0)
        if depth == 0:
            return head[i - 1]
    return None


# --- the rooms, as the CMakeLists.txt files have them -------------------------------------------------------------


class Rooms:
    def __init__(self, root):
        self.root = root
        self.folders = {'segmenter': os.path.join(root, 'include', 'segmenter')}
        self.links = {}  # room or program -> rooms
        self.programs = {}  # folder of a CMakeLists.txt -> the program that it builds
        for folder, _, names in os.walk(root):
            if 'CMakeLists.txt' in names:
                self.read(folder)
        self.names = {folder: name for name, folder in self.folders.items()}
        self.reached = reach(self.links)

    def read(self, folder):
        with open(os.path.join(folder, 'CMakeLists.txt'), encoding='utf-8') as file:
            text = re.sub(r'#[^\n]*', '', file.read())
        for command, arguments in re.findall(r'^[ \t]*(\w+)[ \t]*\(([^()]*)\)', text, re.M):
            name, *words = arguments.split() or ['']
            linked = {word[len('room_'):] for word in words if word.startswith('room_')}
            if command == 'seg_room':
                self.folders[name] = os.path.normpath(os.path.join(folder, words[0]))
                self.links[name] = linked
            elif command == 'add_executable':
                self.programs[folder] = name
                self.links.setdefault(name, set())
            elif command == 'target_link_libraries' and name == self.programs.get(folder):
                self.links[name] |= linked

    def room_of(self, path):
        folder = os.path.dirname(path)
        if folder in self.names:
            return self.names[folder]
        while folder not in self.programs and folder != self.root:
            folder = os.path.dirname(folder)
        return self.programs.get(folder, os.path.basename(folder))

    def may_use(self, room, used):
        return used in (room, 'segmenter') or used in self.reached.get(room, ())


# --- the files, and the arrows between them ---------------------------------------------------------------------


class Structure:
    def __init__(self, root):
        self.root = os.path.abspath(root)
        self.rooms = Rooms(self.root)
        self.sources = [Source(os.path.join(folder, name)) for folder, _, names in sorted(os.walk(self.root))
                        for name in sorted(names) if name.endswith(('.c', '.h'))]
        self.files = collections.defaultdict(list)  # x -> x.c, x.h
        for source in self.sources:
            self.files[self.file_of(source.path)].append(source)
        self.room = {file: self.rooms.room_of(sources[0].path) for file, sources in self.files.items()}
        self.arrows = {file: {} for file in self.files}  # file -> {file that it uses: [by what]}
        self.strays = []  # (file, include, what is wrong with it)
        self.add_includes()
        self.add_uses()
        self.reached = reach(self.arrows)

    def file_of(self, path):
        return os.path.relpath(path, self.root)[:-len('.c')]

    def add(self, file, used, by):
        if file != used and by not in self.arrows[file].setdefault(used, []):
            self.arrows[file][used].append(by)

    def add_includes(self):
        for source in self.sources:
            file = self.file_of(source.path)
            for include in source.includes:
                path = self.find(os.path.dirname(source.path), include)
                if '..' in include.split('/'):
                    self.strays.append((file, include, 'leaves its folder'))
                elif not path:
                    self.strays.append((file, include, 'is not found'))
                if path:
                    self.add(file, self.file_of(path), f'"{include}"')

    def find(self, folder, include):
        """The file that a source in the folder includes: from there, from the room it names, or from a folder above."""
        room, _, rest = include.partition('/')
        places = [os.path.join(folder, include), os.path.join(self.rooms.folders.get(room, ''), rest)]
        while folder != self.root:
            folder = os.path.dirname(folder)
            places.append(os.path.join(folder, include))
        places = [os.path.normpath(place) for place in places]
        return next((p for p in places if p.startswith(self.root + os.sep) and os.path.isfile(p)), None)

    def add_uses(self):
        """If several files define a function, those of the user's room are meant, or else those that it may use."""
        declared = set().union(*(source.declared for source in self.sources))
        defined = collections.defaultdict(list)
        for source in self.sources:
            for function in source.functions:
                if not function.static and function.name in declared:
                    defined[function.name].append(self.file_of(source.path))
        for file, sources in self.files.items():
            own = {function.name for source in sources for function in source.functions}
            used = set().union(*(source.used for source in sources))
            for name in sorted(used & defined.keys() - own):
                room = self.room[file]
                own_room = [other for other in defined[name] if self.room[other] == room]
                allowed = [other for other in defined[name] if self.rooms.may_use(room, self.room[other])]
                for other in own_room or allowed or defined[name]:
                    self.add(file, other, name)

    def all_arrows(self):
        return [(file, used, by) for file in sorted(self.arrows) for used, by in sorted(self.arrows[file].items())]

    def between_rooms(self):
        return [arrow for arrow in self.all_arrows() if self.room[arrow[0]] != self.room[arrow[1]]]

    def upward(self):
        return [(file, used, by) for file, used, by in self.between_rooms()
                if not self.rooms.may_use(self.room[file], self.room[used])]

    def circles(self):
        """Each circle as the arrows among its files."""
        circles = {}
        for file in self.files:
            members = {other for other in self.reached[file] if file in self.reached[other]}
            if members:
                circles[min(members)] = [a for a in self.all_arrows() if a[0] in members and a[1] in members]
        return [circles[first] for first in sorted(circles)]


# --- the report -------------------------------------------------------------------------------------------------


def print_sizes(structure):
    longest = max((f for source in structure.sources for f in source.functions), key=lambda f: f.lines)
    largest = max(structure.sources, key=lambda source: source.lines)
    path = os.path.relpath(longest.path, structure.root)
    print(f'longest function: {longest.name}, {longest.lines} lines ({path}:{longest.line})')
    print(f'largest file: {os.path.relpath(largest.path, structure.root)}, {largest.lines} lines')


def report(structure, options):
    """Prints everything, and returns the number of errors."""
    def show(what, arrow):
        print(f'{what}: {arrow[0]} -> {arrow[1]} by {", ".join(arrow[2])}')

    if options.list:
        for arrow in structure.between_rooms():
            show(f'{structure.room[arrow[0]]} -> {structure.room[arrow[1]]}', arrow)
    circles, upward = structure.circles(), structure.upward()
    room_circles = [room for room, reached in structure.rooms.reached.items() if room in reached]
    for room in room_circles:
        print(f'circle: room {room} links a room that links it')
    for number, circle in enumerate(circles, 1):
        for arrow in circle:
            show(f'circle {number}', arrow)
    for arrow in upward:
        show('upward', arrow)
    for file, include, wrong in structure.strays:
        print(f'upward: {file} includes "{include}", which {wrong}')
    if options.sizes:
        print_sizes(structure)
    totals = [len(circles) + len(room_circles), len(upward) + len(structure.strays)]
    print(f'structure: {len(set(structure.room.values()))} rooms, {len(structure.files)} files, '
          f'{len(structure.all_arrows())} arrows, {totals[0]} circles, {totals[1]} upward arrows')
    return sum(totals)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('directory', nargs='?', default=FRAMEWORK)
    parser.add_argument('--list', action='store_true', help='list every arrow between rooms')
    parser.add_argument('--sizes', action='store_true', help='name the longest function and the largest file')
    options = parser.parse_args()
    return 1 if report(Structure(options.directory), options) else 0


if __name__ == '__main__':
    sys.exit(main())
