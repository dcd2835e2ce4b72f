#!/bin/sh
# Reads the output of `pip install` and a last line, `exit STATUS`. Prints how many of TOTAL packages are downloaded, then
# every 10 s how many are in FOLDER, and all errors. So an installation of a minute is not silent, and does not print two
# hundred lines either. Exits with STATUS.
#
#   { pip install …; echo "exit $?"; } | sh install_progress.sh TOTAL FOLDER
total=$1
folder=$2
fetched=0
beat=
while IFS= read -r line; do
    case $line in
    "Collecting "* | "Requirement already satisfied"*)
        fetched=$((fetched + 1))
        if [ $((fetched % 10)) = 0 ]; then
            echo "fetched $fetched of $total packages"
        fi
        ;;
    "Installing collected packages"*)
        echo "installing $fetched packages"
        while sleep 10 >/dev/null 2>&1; do
            echo "installed $(find "$folder" -maxdepth 4 -name '*.dist-info' | wc -l) of $fetched packages"
        done &
        beat=$!
        ;;
    "exit "*)
        [ -z "$beat" ] || kill "$beat"
        exit "${line#exit }"
        ;;
    "  "* | "Downloading "* | "Using cached "* | "Successfully "* | "Looking in "* | "Ignoring "*) ;;
    *) echo "$line" ;;
    esac
done
[ -z "$beat" ] || kill "$beat"
exit 1
