// SPDX-License-Identifier: Apache-2.0
// An exception that nobody catches, out of templates and namespaces.
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
}

extern "C" __attribute__((noinline)) int uncaught(int n)
{
	outer::box<std::pair<int, std::string>> b;
	return b.open({}, std::string((size_t)n, 'x')) + 1;
}
