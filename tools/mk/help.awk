# Lists the targets of the makefiles: "##@ Heading" lines, and "target: ... ## what it does".
/^##@ / { printf "\n%s\n", substr($0, 5) }
/^[a-z][a-zA-Z0-9_-]*:.*## / {
    target = $1; sub(/:.*/, "", target)
    text = $0; sub(/.*## /, "", text)
    printf "  %-20s %s\n", target, text
}
