/** `apply.pl`: what restore.sh does after it unpacked an increment. Only what perl-base has. */
export const APPLY_SCRIPT = String.raw`#!/usr/bin/perl
# Puts changed pages into their files, and removes what the backup does not have any more.
# Reads the paths of all files, each ended by a zero byte. Argument: the data directory.
use strict;
use warnings;

my $directory = shift;
my $page_size = 8192;
my $magic = 0xd3ae1f0d;

sub read_exactly {
  my ($handle, $bytes, $path) = @_;
  my $got = read($handle, my $buffer, $bytes);
  die "$path is cut off\n" unless defined $got && $got == $bytes;
  return $buffer;
}

sub apply {
  my ($path) = @_;
  (my $target = $path) =~ s,INCREMENTAL\.([^/]*)$,$1,;
  open(my $in, '<:raw', $path) or die "$path: $!\n";
  my ($found, $count, $length) = unpack('V3', read_exactly($in, 12, $path));
  die "$path is not an incremental file\n" unless $found == $magic;
  my @pages = unpack('V*', read_exactly($in, 4 * $count, $path));
  my $head = 12 + 4 * $count;
  seek($in, $page_size * int(($head + $page_size - 1) / $page_size), 0) if $count > 0;
  open(my $out, '+<:raw', $target) or die "$target: $!\n";
  for my $page (@pages) {
    my $bytes = read_exactly($in, $page_size, $path);
    seek($out, $page * $page_size, 0) or die "$target: $!\n";
    print $out $bytes or die "$target: $!\n";
  }
  my $whole = @pages && $pages[-1] + 1 > $length ? $pages[-1] + 1 : $length;
  truncate($out, $whole * $page_size) or die "$target: $!\n";
  close($out) or die "$target: $!\n";
  close($in);
  unlink($path) or die "$path: $!\n";
}

sub unescape {
  my ($text) = @_;
  my %plain = (b => "\b", f => "\f", n => "\n", r => "\r", t => "\t");
  $text =~ s{\\(?:u([0-9a-fA-F]{4})|(.))}{defined $1 ? chr(hex $1) : exists $plain{$2} ? $plain{$2} : $2}ge;
  return $text;
}

my %listed;
open(my $manifest, '<:raw', "$directory/backup_manifest") or die "backup_manifest: $!\n";
while (my $line = <$manifest>) {
  while ($line =~ /"(Encoded-)?Path": "((?:[^"\\]|\\.)*)"/g) {
    my $path = $1 ? pack('H*', $2) : unescape($2);
    $path =~ s,INCREMENTAL\.([^/]*)$,$1,;
    $listed{$path} = 1;
  }
}
close($manifest);

local $/ = "\0";
my @paths = <STDIN>;
chomp @paths;
for my $path (@paths) { apply($path) if $path =~ m,/INCREMENTAL\.[^/]*$,; }
for my $path (@paths) {
  next if $path =~ m,/INCREMENTAL\.[^/]*$,;
  my $relative = substr($path, length($directory) + 1);
  next if $listed{$relative} || $relative =~ m,^pg_wal/, || $relative eq 'backup_manifest';
  unlink($path) or die "$path: $!\n";
}
`;
