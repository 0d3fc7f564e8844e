// SPDX-License-Identifier: Apache-2.0
// Exceptions out of templates and namespaces: one that nobody catches, and faults while one is on its way.
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace outer {
template <typename T>
struct box {
	__attribute__((noinline)) int open(const std::vector<T> &v, const std::string &why)
	{
		if (v.size() < 100)
			throw std::runtime_error(why);
		return (int)v.size();
	}
};

// Its destructor faults while an exception unwinds the stack.
struct bad_guard {
	volatile int *pointer = nullptr;
	__attribute__((noinline)) ~bad_guard()
	{
		*pointer = 1;
	}
};
}

extern "C" __attribute__((noinline)) int uncaught(int n)
{
	outer::box<std::pair<int, std::string>> b;
	return b.open({}, std::string((size_t)n, 'x')) + 1;
}

extern "C" __attribute__((noinline)) int fault_while_unwinding(int n)
{
	try {
		outer::bad_guard guard;
		outer::box<int> b;
		return b.open({}, "unwind") + n;
	} catch (const std::exception &) {
		return n;
	}
}

extern "C" __attribute__((noinline)) int fault_in_catch(int n)
{
	try {
		outer::box<int> b;
		return b.open({}, "caught") + n;
	} catch (const std::exception &e) {
		volatile int *volatile nowhere = nullptr;
		return *nowhere + (int)e.what()[0];
	}
}
