"""The quick start of the README that is in the wheel, checked against the installed types and run against the real server."""

import importlib.metadata
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest


class QuickStart(unittest.TestCase):
    def setUp(self):
        readme = importlib.metadata.metadata("deskhand").get_payload()
        source = re.search(r"```python\n(.*?)```", readme, re.DOTALL)[1]
        self.assertIn("127.0.0.1:50051", source)
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.program = pathlib.Path(folder) / "quick_start.py"
        self.program.write_text(source.replace("127.0.0.1:50051", os.environ["DESKHAND_ADDRESS"]))

    def test_it_appends_suggests_drafts_and_shows_an_errors_reason(self):
        run = subprocess.run([sys.executable, self.program], capture_output=True, text=True, timeout=20)
        self.assertEqual(run.returncode, 0, run.stderr)
        lines = run.stdout.strip().splitlines()
        self.assertRegex(lines[0], r"(?i)return.*: .+")
        self.assertIn("30 days", run.stdout)
        self.assertRegex(lines[-1], r"^MODEL_NOT_CONFIGURED: .+")

    def mypy(self):
        command = [os.environ["MYPY"], "--strict", "--python-executable", sys.executable, self.program]
        return subprocess.run(command, capture_output=True, text=True, cwd=self.program.parent, timeout=120)

    def test_its_types_are_right_and_a_wrong_one_is_noticed(self):
        run = self.mypy()
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.program.write_text(self.program.read_text().replace("replies.DraftReplyRequest(", "chats.GetChatRequest("))
        self.assertIn('incompatible type "GetChatRequest"; expected "DraftReplyRequest"', self.mypy().stdout)
