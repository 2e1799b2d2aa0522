/* SPDX-License-Identifier: Apache-2.0 */
/* Build tool: embed HEADER NAME < FILE > C writes a file as `const unsigned char NAME[]`. */
#include <stdio.h>

int main(int argc, char **argv)
{
	unsigned long count = 0;
	int c;

	if (argc != 3) {
		fprintf(stderr, "usage: embed HEADER NAME < FILE > C\n");
		return 2;
	}
	printf("/* Made from a file by embed.c. */\n#include \"%s\"\n\n", argv[1]);
	printf("const unsigned char %s[] = {", argv[2]);
	while ((c = getchar()) != EOF)
		printf("%s%d,", count++ % 20 == 0 ? "\n\t" : " ", c);
	printf("\n};\nconst size_t %s_size = sizeof(%s);\n", argv[2], argv[2]);
	return ferror(stdin) || fflush(stdout) != 0 || count == 0;
}
