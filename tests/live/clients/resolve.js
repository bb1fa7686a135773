// dns.lookup (the C library's resolver), or with the first word "resolve" dns.resolve4 and resolve6
// (c-ares, as Node has it): "NAME MILLISECONDS ADDRESS,..." a line.
const dns = require('dns').promises;

const both = async (name) => {
	const all = await Promise.allSettled([dns.resolve4(name), dns.resolve6(name)]);
	const found = all.flatMap((one) => one.value || []);
	if (!found.length)
		throw all[0].reason;
	return found;
};
const lookup = async (name) => (await dns.lookup(name, {all: true})).map((one) => one.address);

const main = async (way, names) => {
	for (const name of names) {
		const begun = process.hrtime.bigint();
		let result;
		try {
			result = (await (way === 'resolve' ? both : lookup)(name)).join(',');
		} catch (error) {
			result = 'error:' + (['ENOTFOUND', 'ENODATA'].includes(error.code) ? 'noname' : error.code);
		}
		console.log(name, (Number(process.hrtime.bigint() - begun) / 1e6).toFixed(2), result);
	}
};
main(process.argv[2], process.argv.slice(3));
