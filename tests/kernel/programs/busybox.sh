# busybox.sh: a day's work for a shell and its tools: pipes, forks, many short
# programs, megabytes of text. Run by `busybox sh busybox.sh` in a folder that
# it may write in, with a folder `data` of files of any kind; prints the same
# text wherever it runs.
export LC_ALL=C
b() { /bin/busybox "$@"; }
title() { echo "== $1"; }
here=$(b pwd)
b mkdir work || exit 1
cd work || exit 1

title 'a large file'
b seq 1 30000 >numbers
b wc numbers
b sha256sum numbers
b head -n 3 numbers
b tail -n 3 numbers
b sort -r numbers | b head -n 2
b sort -n -r numbers | b sort | b sha256sum
b cat numbers numbers numbers | b sort -n | b uniq -c | b awk '$1 != 3' | b wc -l

title 'text tools'
b sed -n 's/^\(1\)\([0-9]*\)7$/\2-\1/p' numbers | b wc
b grep -c 7 numbers
b grep -v 7 numbers | b md5sum
b awk '{ s += $1; n++ } END { print n, s, s / n }' numbers
b cut -c 1-2 numbers | b sort | b uniq -c | b sort -k 1,1nr -k 2,2 | b head -n 5
b tr '0-9' 'a-j' <numbers | b tail -n 1
b awk 'BEGIN { for (i = 0; i < 2000; i++) printf "%d %s\n", i % 13, i * i }' |
    b sort -k 1,1n -k 2,2n | b sha256sum

title 'files and folders'
b mkdir -p a/b/c a/d
b cp numbers a/b/c/copy
b mv a/b/c/copy a/d/moved
b cmp numbers a/d/moved && echo equal
b ln -s ../d/moved a/b/link
b cat a/b/link | b sha256sum
for i in $(b seq 1 60); do echo "file $i" >"a/b/c/file$i"; done
b find a -type f | b sort | b wc -l
b find a -name 'file*5' | b sort
b find a -type f | b sort | b xargs b_none 2>/dev/null; echo "xargs: $?"
b find a -name 'file*' | b sort | b xargs /bin/busybox cat | b sha256sum
b ls a a/b | b cat
b rm -r a/b/c
b find a | b sort
b rmdir a/b 2>/dev/null || echo 'rmdir: not empty'
b rm a/d/moved
b test -e a/b/link || echo 'the link leads nowhere'

title 'archives'
b mkdir t
for i in 1 2 3 4 5; do b head -n $((i * 1000)) numbers >t/part$i; done
b tar -cf t.tar t
b mkdir out
b tar -xf t.tar -C out
for f in out/t/*; do b sha256sum "$f"; done
b gzip -c numbers | b gunzip -c | b cmp - numbers && echo 'gzip: equal'

title 'the shell'
x=0
while [ $x -lt 500 ]; do x=$((x + 1)); done
echo $x
f() { [ "$1" -le 1 ] && echo 1 || echo $(($1 * $(f $(($1 - 1))))); }
f 12
(exit 7); echo "status $?"
(b sleep 5 & b kill $! ; wait $!; echo "killed: $?") 2>/dev/null
sh_words='one two  three'
for w in $sh_words; do echo "[$w]"; done
cat_me=$(b cat <<END
from $((20 + 1))
a document
END
)
echo "$cat_me"
echo hello | (read -r line; echo "read: $line")
for i in 1 2 3 4 5 6; do (b seq $i 3000 | b sha256sum | b cut -c 1-12 >s$i) & done
wait
b cat s1 s2 s3 s4 s5 s6
yes_lines=$(b yes | b head -n 1000 | b wc -l)
echo "$yes_lines"
trap 'echo trapped' USR1
b kill -USR1 $$
b nosuchapplet 2>/dev/null; echo "no such applet: $?"
no-such-program 2>/dev/null; echo "no such program: $?"

title 'data from outside'
cd "$here" || exit 1
for f in data/*; do
    b sha256sum "$f"
    b cp "$f" work/copy
    b cmp "$f" work/copy && b wc -c <work/copy
    b od -A x -t x1 "$f" | b head -n 200 | b sha256sum
done
b rm -r work
b ls data | b wc -l
exit 0
