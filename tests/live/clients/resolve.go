// Go's resolver, or with GODEBUG=netdns=cgo the C library's: "NAME MILLISECONDS ADDRESS,..." a line.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

func main() {
	for _, name := range os.Args[1:] {
		begun := time.Now()
		found, err := net.LookupHost(name)
		ms := float64(time.Since(begun).Microseconds()) / 1000
		var wrong *net.DNSError
		if errors.As(err, &wrong) && wrong.IsNotFound {
			fmt.Printf("%s %.2f error:noname\n", name, ms)
		} else if err != nil {
			fmt.Printf("%s %.2f error:%s\n", name, ms, strings.ReplaceAll(err.Error(), " ", "-"))
		} else {
			fmt.Printf("%s %.2f %s\n", name, ms, strings.Join(found, ","))
		}
	}
}
