#!/usr/bin/env python3
"""tests/structure_test.py: tests tests/structure.py on small trees, clean ones and ones with a planted error.

Last line: `N passed, N failed`.
"""
import os
import subprocess
import sys
import tempfile
import unittest

STRUCTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'structure.py')

# Two rooms, a program on the upper one, and a public header. Nothing is wrong with it.
CLEAN = {
    'CMakeLists.txt': '''
        seg_room(base base LINK Threads::Threads)
        seg_room(stream stream
          LINK room_base ${optional}) # and nothing else
        seg_room(config runner/config LINK room_base)
        add_subdirectory(tools/segctl)''',
    'include/segmenter/segmenter.h': 'int seg_open(void);\nint seg_send(void);',
    'base/error.h': 'int seg_error_set(void);',
    'base/error.c': '#include "base/error.h"\n\nint seg_error_set(void)\n{\n\treturn 1;\n}\n',
    'base/clock.h': '',
    'stream/stream.h': '#include <segmenter/segmenter.h>\n#include "base/clock.h"\n',
    'stream/stream.c': '#include "stream/stream.h"\nint seg_open(void) { return seg_error_set(); }',
    'stream/send.c': '#include "stream/stream.h"\nint seg_send(void) { return seg_open(); }',
    'runner/config/option.h': '#include "base/error.h"',
    'tools/segctl/CMakeLists.txt': 'add_executable(segctl a.c)\ntarget_link_libraries(segctl PRIVATE room_stream m)',
    'tools/segctl/main.c': '#include "table.h"\nint main(void) { return ctl_table() + seg_send() + seg_error_set(); }',
    'tools/segctl/table.h': 'int ctl_table(void);',
    'tools/segctl/table.c': '#include "table.h"\nint ctl_table(void) { return 0; }',
}


def check(changes, *options):
    """Writes CLEAN with the changes into a new directory, and returns the run of structure.py on it."""
    with tempfile.TemporaryDirectory() as directory:
        for path, text in {**CLEAN, **changes}.items():
            path = os.path.join(directory, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
        return subprocess.run([sys.executable, STRUCTURE, *options, directory], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, timeout=60)


class Structure(unittest.TestCase):
    def passes(self, changes):
        result = check(changes)
        self.assertEqual((0, 1), (result.returncode, result.stdout.count('\n')), result.stdout)

    def fails(self, changes, lines, totals):
        result = check(changes)
        said = result.stdout.splitlines()
        self.assertEqual((1, sorted(lines)), (result.returncode, sorted(said[:-1])), result.stdout)
        self.assertTrue(said[-1].endswith(totals), result.stdout)

    def test_a_clean_tree_passes_with_one_line_of_totals(self):
        result = check({})
        self.assertEqual('structure: 5 rooms, 8 files, 8 arrows, 0 circles, 0 upward arrows\n', result.stdout)
        self.assertEqual(0, result.returncode)

    # --- circles ---

    def test_headers_that_include_each_other_are_a_circle(self):
        self.fails({'base/clock.h': '#include "base/error.h"', 'base/error.h': '#include "clock.h"'},
                   ['circle 1: base/clock -> base/error by "base/error.h"',
                    'circle 1: base/error -> base/clock by "clock.h"'], '1 circles, 0 upward arrows')

    def test_an_include_there_and_a_call_back_are_a_circle(self):
        self.fails({'stream/stream.c': 'int seg_open(void) { return seg_send(); }'},
                   ['circle 1: stream/send -> stream/stream by "stream/stream.h", seg_open',
                    'circle 1: stream/stream -> stream/send by seg_send'], '1 circles, 0 upward arrows')

    def test_a_circle_through_three_files_is_found_and_another_one_has_another_number(self):
        self.fails({'base/a.h': '#include "b.h"', 'base/b.h': '#include "c.h"', 'base/c.h': '#include "a.h"',
                    'base/y.h': '#include "z.h"', 'base/z.h': '#include "y.h"'},
                   ['circle 1: base/a -> base/b by "b.h"', 'circle 1: base/b -> base/c by "c.h"',
                    'circle 1: base/c -> base/a by "a.h"',
                    'circle 2: base/y -> base/z by "z.h"', 'circle 2: base/z -> base/y by "y.h"'],
                   '2 circles, 0 upward arrows')

    def test_a_function_in_a_table_or_a_macro_is_used(self):
        for code in ('int (*const table[])(void) = {seg_send};', '#define SEND \\\n\tseg_send()'):
            self.fails({'stream/stream.c': code + '\nint seg_open(void) { return 0; }'},
                       ['circle 1: stream/send -> stream/stream by "stream/stream.h", seg_open',
                        'circle 1: stream/stream -> stream/send by seg_send'], '1 circles, 0 upward arrows')

    def test_rooms_that_link_each_other_are_a_circle(self):
        self.fails({'CMakeLists.txt': 'seg_room(base base LINK room_stream)\nseg_room(stream stream LINK room_base)\n'
                                      'seg_room(config runner/config LINK room_base)'},
                   ['circle: room base links a room that links it', 'circle: room stream links a room that links it'],
                   '2 circles, 0 upward arrows')

    def test_what_only_looks_like_a_call_is_none(self):
        for code in ('// seg_send()', '/* seg_send() */', 'const char *text = "seg_send()";', 'int seg_send(void);',
                     'void f(struct s *s) { s->seg_send(); }', 'struct s s = {.seg_send = 1};',
                     'void f(void) { seg_send type, *pointer; seg_send *other; }',
                     'static int seg_send(void) { return 0; }\nint f(void) { return seg_send(); }'):
            with self.subTest(code):
                self.passes({'stream/stream.c': f'{code}\nint seg_open(void) {{ return 0; }}'})

    def test_prototypes_for_cplusplus_are_no_calls(self):
        self.passes({'stream/stream.h': '#ifdef __cplusplus\nextern "C" {\n#endif\nint seg_send(void);\n'
                                        '#ifdef __cplusplus\n}\n#endif\n'})

    def test_of_several_definitions_a_file_uses_those_of_its_room_or_those_that_it_may_use(self):
        other = {'base/error_missing.c': 'int seg_error_set(void) { return 0; }'}
        self.passes(other)
        self.passes({**other, 'tools/segctl/error.c': 'int seg_error_set(void) { return 0; }'})

    # --- upward ---

    def test_an_include_of_a_higher_room_is_upward(self):
        self.fails({'base/error.c': '#include "stream/stream.h"', 'stream/stream.c': 'int seg_open(void) { return 0; }'},
                   ['upward: base/error -> stream/stream by "stream/stream.h"'], '0 circles, 1 upward arrows')

    def test_a_call_of_a_room_that_is_not_linked_is_upward_even_through_a_public_header(self):
        self.fails({'runner/config/option.c': '#include <segmenter/segmenter.h>\nint f(void) { return seg_open(); }'},
                   ['upward: runner/config/option -> stream/stream by seg_open'], '0 circles, 1 upward arrows')

    def test_a_program_may_not_use_a_room_that_it_does_not_link(self):
        self.fails({'tools/segctl/table.h': '#include "config/option.h"\nint ctl_table(void);'},
                   ['upward: tools/segctl/table -> runner/config/option by "config/option.h"'],
                   '0 circles, 1 upward arrows')

    def test_a_room_may_not_use_a_program(self):
        self.fails({'base/error.c': 'int seg_error_set(void) { return ctl_table(); }'},
                   ['upward: base/error -> tools/segctl/table by ctl_table'], '0 circles, 1 upward arrows')

    def test_a_room_within_the_folder_of_a_program_has_its_own_links(self):
        way = {'tools/segctl/CMakeLists.txt': 'seg_room(way way LINK room_base)\nadd_executable(segctl main.c)\n'
                                              'target_link_libraries(segctl PRIVATE room_way room_stream)',
               'tools/segctl/table.h': '#include "way/way.h"\nint ctl_table(void);', 'tools/segctl/way/way.h': ''}
        self.passes(way)
        self.fails({**way, 'tools/segctl/way/way.h': '#include "stream/stream.h"'},
                   ['upward: tools/segctl/way/way -> stream/stream by "stream/stream.h"'], '0 circles, 1 upward arrows')

    def test_an_include_that_leaves_its_folder_is_upward_wherever_it_leads(self):
        self.fails({'stream/send.c': '#include "../base/clock.h"\nint seg_send(void) { return 0; }'},
                   ['upward: stream/send includes "../base/clock.h", which leaves its folder'],
                   '0 circles, 1 upward arrows')

    def test_an_include_that_is_not_found_is_an_error(self):
        self.fails({'stream/send.c': '#include "base/gone.h"\nint seg_send(void) { return 0; }'},
                   ['upward: stream/send includes "base/gone.h", which is not found'], '0 circles, 1 upward arrows')

    # --- what it tells besides ---

    def test_list_lists_the_arrows_between_rooms(self):
        said = check({}, '--list').stdout.splitlines()
        self.assertIn('stream -> base: stream/stream -> base/error by seg_error_set', said)
        self.assertIn('config -> base: runner/config/option -> base/error by "base/error.h"', said)
        self.assertNotIn('stream -> stream', ' '.join(said))

    def test_sizes_names_the_longest_function_and_the_largest_file(self):
        said = check({}, '--sizes').stdout.splitlines()
        self.assertIn('longest function: seg_error_set, 4 lines (base/error.c:3)', said)
        self.assertIn('largest file: base/error.c, 6 lines', said)

    def test_a_file_whose_braces_do_not_match_is_named(self):
        result = check({'base/error.c': 'int f(void) {'})
        self.assertIn('base/error.c: cannot read it, because its braces do not match', result.stdout)
        self.assertEqual(1, result.returncode)


if __name__ == '__main__':
    run = unittest.main(exit=False, argv=sys.argv).result
    failed = len({test.id().split(' ')[0] for test, _ in run.failures + run.errors})
    print(f'{run.testsRun - failed} passed, {failed} failed')
    sys.exit(failed > 0)
