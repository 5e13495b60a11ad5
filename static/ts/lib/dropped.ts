// What was dropped or chosen: files, and the files in folders with the way to them.

export interface FoundFile { file: File; folder: string }

const MAX_FILES = 5000;

/** The files of a drop, folders walked through. Entries must be taken before the event ends. */
export async function filesOfDrop(data: DataTransfer): Promise<FoundFile[]> {
  const entries = [...data.items].flatMap((item) => (item.kind === "file" ? [item.webkitGetAsEntry()] : []));
  const plain = [...data.files];
  const found: FoundFile[] = [];
  if (!entries.some(Boolean)) return plain.map((file) => ({ file, folder: "" }));
  for (const entry of entries) if (entry) await walk(entry, "", found);
  return found;
}

/** The files of an input; one for folders says the way of each. */
export function filesOfInput(input: HTMLInputElement): FoundFile[] {
  return [...(input.files ?? [])].flatMap((file) => {
    const folder = file.webkitRelativePath.split("/").slice(0, -1).join("/");
    return file.name.startsWith(".") ? [] : [{ file, folder }];
  });
}

async function walk(entry: FileSystemEntry, folder: string, found: FoundFile[]): Promise<void> {
  if (found.length >= MAX_FILES || entry.name.startsWith(".")) return;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ file, folder });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const inside = folder ? `${folder}/${entry.name}` : entry.name;
  // A reader gives a hundred entries at a time, and none when it is at the end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const each of some) await walk(each, inside, found);
  }
}
