"""The demo in each of its shapes, as it is once the programs are built. It judges itself."""

import subprocess
import sys
import tempfile
import unittest

import support  # noqa: F401  first: it says where demo is
import demo


class Demo(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="wzp-demo-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def show(self, topology):
        process = subprocess.Popen([sys.executable, demo.__file__, "--topology", topology, "--out", f"{self.folder}/{topology}"], text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.terminate)  # cleanups run in reverse
        self.addCleanup(process.stdout.close)
        return process

    def test_all_is_well_in_every_topology(self):
        shows = {topology: self.show(topology) for topology in demo.TOPOLOGIES}  # at once: half a minute each, mostly of listening
        for topology, process in shows.items():
            with self.subTest(topology):
                said, _ = process.communicate(timeout=120)
                self.assertEqual(process.returncode, 0, said)
                self.assertEqual(said.splitlines()[-1], "All is well.", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
