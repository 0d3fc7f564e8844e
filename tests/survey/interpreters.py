"""Three more interpreters with 1000 objects each, beside 500 of the first one; then it dies. Exit status 3: there is no module
that can make them."""
import os
import resource
import sys

try:
    import _interpreters as interpreters
except ImportError:
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        sys.exit(3)
INSIDE = """
import sys
class Inside:
    pass
sys.kept = [Inside() for i in range(1000)]
"""


class Outside:
    pass


resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
kept = [Outside() for i in range(500)]
numbers = [interpreters.create() for i in range(3)]  # some versions end those that nothing refers to
for number in numbers:
    getattr(interpreters, "exec", getattr(interpreters, "run_string", None))(number, INSIDE)
os.abort()
