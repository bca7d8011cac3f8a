#include "config/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "base/units.h"
#include "config/expand.h"
#include "config/value.h"
#include "stream/compression.h"
#include "stream/output_names.h"

/* The options of an output: rows of the section's own shape, in the order of seg_config_output.at. */
static const char *const options[SEG_CONFIG_OUTPUT_OPTIONS] = {"partitions", "partition_size", "overflow",
							       "packing"};

/* NULL: out of memory. The output is the section's; it is not in the list yet. */
static seg_config_output *find_or_add(seg_config_consumer *consumer, const char *name)
{
	for (size_t i = 0; i < consumer->output_count; i++)
		if (strcmp(consumer->outputs[i].name, name) == 0)
			return &consumer->outputs[i];
	seg_config_output *grown = realloc(consumer->outputs, (consumer->output_count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	consumer->outputs = grown;
	seg_config_output *output = &grown[consumer->output_count];
	*output = (seg_config_output){.name = strdup(name)};
	if (!output->name)
		return NULL;
	consumer->output_count++;
	return output;
}

/* --- options ------------------------------------------------------------------------------- */

/* The struct of which the output's shape would be the section's own. */
static void *base_of(seg_config_output *output)
{
	return (char *)&output->shape - offsetof(seg_config_consumer, shape);
}

static int set_default(seg_config_output *output, size_t option)
{
	const seg_config_row *row = seg_config_row_find(SEG_CONFIG_CONSUMER, options[option]);
	return row->value ? seg_config_row_set(row, base_of(output), NULL, row->value, NULL) : 0;
}

static void set(seg_config_loader *loader, seg_config_place place, seg_config_output *output, size_t option,
		const char *value)
{
	seg_error error;
	char *expanded = NULL;
	if (output->at[option].line) {
		seg_config_error_add(loader->errors, place,
				     "output.%s.%s is already set at %s:%u; remove one", output->name,
				     options[option], output->at[option].file, output->at[option].line);
		return;
	}
	output->at[option] = place;
	int status = seg_config_expand(value, &expanded, &error);
	if (status == 0)
		status = seg_config_row_set(seg_config_row_find(SEG_CONFIG_CONSUMER, options[option]),
					    base_of(output), place.file, expanded, &error);
	if (status == SEG_ENOMEM)
		loader->no_memory = true;
	else if (status)
		seg_config_error_add(loader->errors, place, "output.%s.%s: %s", output->name, options[option],
				     error.text);
	free(expanded);
}

void seg_config_output_take(seg_config_loader *loader, seg_config_place place, const char *name,
			    const char *value)
{
	seg_config_consumer *consumer = &loader->config->consumers[loader->config->consumer_count - 1];
	const char *dot = strrchr(name, '.');
	char stream[SEG_NAME_MAX + 2];
	size_t length = dot ? (size_t)(dot - name) : 0, option = 0;
	seg_error error;
	snprintf(stream, sizeof(stream), "%.*s", (int)length, name);
	while (dot && option < SEG_CONFIG_OUTPUT_OPTIONS && strcmp(options[option], dot + 1) != 0)
		option++;
	if (!dot || option == SEG_CONFIG_OUTPUT_OPTIONS) {
		const char *meant = dot ? seg_suggest(dot + 1, options, SEG_CONFIG_OUTPUT_OPTIONS) : NULL;
		seg_config_error_add(
			loader->errors, place,
			"output.%.200s: write output.NAME.%s = value; an output has partitions, partition_size, overflow and packing",
			name, meant ? meant : "partitions");
		return;
	}
	if (seg_name_check("stream name", stream, &error)) {
		seg_config_error_add(loader->errors, place, "output.%.200s: %s", name, error.text);
		return;
	}
	seg_config_output *output = find_or_add(consumer, stream);
	if (output)
		set(loader, place, output, option, value);
	else
		loader->no_memory = true;
}

/* --- checks -------------------------------------------------------------------------------- */

static seg_config_place list_place(const seg_config_loader *loader, size_t i)
{
	return seg_config_place_of(loader, &loader->consumers[i], SEG_CONFIG_CONSUMER, "outputs");
}

/* Where an output's shape is set, else where it is listed. */
static seg_config_place place_of(const seg_config_loader *loader, size_t i, const seg_config_output *output)
{
	return output->at[0].line ? output->at[0] : list_place(loader, i);
}

/* Takes names[k], which is to be in the place `listed` of the section's outputs. */
static int take_listed(seg_config_loader *loader, size_t i, char **names, size_t k, size_t *listed)
{
	seg_config_consumer *consumer = &loader->config->consumers[i];
	seg_error error;
	int status = seg_output_names_check((const char *const *)names, k, consumer->stream, &error);
	if (status)
		seg_config_error_add(loader->errors, list_place(loader, i), "outputs: %s", error.text);
	seg_config_output *output = find_or_add(consumer, names[k]);
	if (!output)
		return SEG_ENOMEM;
	if (output->listed)
		return 0;
	seg_config_output moved = *output;
	moved.listed = true;
	*output = consumer->outputs[*listed];
	consumer->outputs[(*listed)++] = moved;
	return 0;
}

/* Puts the outputs that are listed to the front, in the order of the list. */
static bool take_list(seg_config_loader *loader, size_t i)
{
	seg_config_consumer *consumer = &loader->config->consumers[i];
	char **names = NULL;
	size_t listed = 0;
	int status = seg_output_names_read(consumer->output_list, &names, NULL);
	for (size_t k = 0; status == 0 && names[k]; k++)
		status = take_listed(loader, i, names, k, &listed);
	free(names);
	if (status)
		return false;
	consumer->output_names = calloc(listed + 1, sizeof(*consumer->output_names));
	for (size_t k = 0; consumer->output_names && k < listed; k++)
		consumer->output_names[k] = consumer->outputs[k].name;
	return consumer->output_names;
}

static void check_options(seg_config_loader *loader, seg_config_output *output)
{
	for (size_t k = 0; k < SEG_CONFIG_OUTPUT_OPTIONS; k++) {
		if (!output->at[k].line) {
			if (set_default(output, k))
				loader->no_memory = true;
			continue;
		}
		if (!output->listed)
			seg_config_error_add(
				loader->errors, output->at[k],
				"output.%s.%s has no effect: \"%s\" is not one of the outputs; add it to outputs, or remove this line",
				output->name, options[k], output->name);
		else if (!output->at[0].line)
			seg_config_error_add(
				loader->errors, output->at[k],
				"output.%s.%s has no effect without output.%s.partitions; add it, which registers the stream, or remove this line",
				output->name, options[k], output->name);
	}
	output->register_stream = output->at[0].line > 0;
}

static bool same_shape(const seg_stream_shape *a, const seg_stream_shape *b)
{
	return a->partitions == b->partitions && a->partition_size == b->partition_size &&
	       a->overflow == b->overflow && a->packing == b->packing;
}

static void check_shape(seg_config_loader *loader, size_t i, const seg_config_output *output,
			const char *stream, const seg_stream_shape *shape, const seg_config_consumer *other)
{
	if (strcmp(output->name, stream) != 0 || same_shape(&output->shape, shape))
		return;
	seg_config_error_add(loader->errors, place_of(loader, i, output),
			     "the stream \"%s\" has a different shape in [consumer %s] (%s:%u); set the same "
			     "partitions, partition_size, overflow and packing in both",
			     stream, other->name, other->place.file, other->place.line);
}

/* Against all sections that register the same stream, as theirs or as an output. */
static void check_shapes(seg_config_loader *loader, size_t i, const seg_config_output *output)
{
	const seg_config *config = loader->config;
	for (size_t j = 0; output->register_stream && j < config->consumer_count; j++) {
		const seg_config_consumer *other = &config->consumers[j];
		if (other->stream && other->register_stream)
			check_shape(loader, i, output, other->stream, &other->shape, other);
		for (size_t k = 0; j < i && k < other->output_count; k++)
			if (other->outputs[k].register_stream)
				check_shape(loader, i, output, other->outputs[k].name,
					    &other->outputs[k].shape, other);
	}
}

/* Whether an output may have packing = zstd: one that is not registered here has the packing that it has. */
static bool may_have_zstd(const seg_config_consumer *consumer)
{
	for (size_t k = 0; k < consumer->output_count; k++)
		if (!consumer->outputs[k].register_stream ||
		    consumer->outputs[k].shape.packing == SEG_PACKING_ZSTD)
			return true;
	return false;
}

/* The default needs no output: `segrunner --check` prints it for every section. */
static void check_level(seg_config_loader *loader, size_t i)
{
	const seg_config_consumer *consumer = &loader->config->consumers[i];
	if (consumer->packing_level != SEG_LEVEL_DEFAULT && !may_have_zstd(consumer))
		seg_config_error_add(
			loader->errors,
			seg_config_place_of(loader, &loader->consumers[i], SEG_CONFIG_CONSUMER,
					    "packing_level"),
			"packing_level has no effect: the section has no output with packing = zstd; add one, or remove this line");
}

void seg_config_output_check(seg_config_loader *loader, size_t i)
{
	seg_config_consumer *consumer = &loader->config->consumers[i];
	if (consumer->output_list && !take_list(loader, i)) {
		loader->no_memory = true;
		return;
	}
	for (size_t k = 0; k < consumer->output_count; k++) {
		seg_config_output *output = &consumer->outputs[k];
		check_options(loader, output);
		check_shapes(loader, i, output);
	}
	check_level(loader, i);
}

/* Whether what consumer `from` emits comes to the stream in the end. `path`: the sections on the way. */
static bool leads_to(const seg_config *config, size_t from, const char *stream, bool *seen)
{
	const seg_config_consumer *consumer = &config->consumers[from];
	seen[from] = true;
	for (size_t k = 0; k < consumer->output_count; k++) {
		const char *name = consumer->outputs[k].name;
		if (strcmp(name, stream) == 0)
			return true;
		for (size_t j = 0; j < config->consumer_count; j++)
			if (!seen[j] && config->consumers[j].stream &&
			    strcmp(config->consumers[j].stream, name) == 0 &&
			    leads_to(config, j, stream, seen))
				return true;
	}
	return false;
}

/* The section through which what section `from` emits to the stream comes back to `from`; NULL: it does not come back. */
static const seg_config_consumer *way_back(const seg_config *config, size_t from, const char *stream,
					   bool *seen)
{
	memset(seen, 0, config->consumer_count * sizeof(*seen));
	seen[from] = true;
	for (size_t j = 0; j < config->consumer_count; j++) {
		const seg_config_consumer *reader = &config->consumers[j];
		if (!seen[j] && reader->stream && strcmp(reader->stream, stream) == 0 &&
		    leads_to(config, j, config->consumers[from].stream, seen))
			return reader;
	}
	return NULL;
}

void seg_config_output_check_loops(seg_config_loader *loader)
{
	const seg_config *config = loader->config;
	bool *seen = calloc(config->consumer_count + 1, sizeof(*seen));
	for (size_t i = 0; seen && i < config->consumer_count; i++) {
		const seg_config_consumer *consumer = &config->consumers[i];
		for (size_t k = 0; consumer->stream && k < consumer->output_count; k++) {
			const char *name = consumer->outputs[k].name;
			if (strcmp(name, consumer->stream) == 0)
				continue;
			const seg_config_consumer *reader = way_back(config, i, name, seen);
			if (!reader)
				continue;
			seg_config_error_add(
				loader->errors, list_place(loader, i),
				"outputs: what goes to \"%s\" comes back to \"%s\" through [consumer %s] (%s:%u), for ever; break the circle",
				name, consumer->stream, reader->name, reader->place.file, reader->place.line);
			break;
		}
	}
	loader->no_memory |= !seen;
	free(seen);
}

bool seg_config_output_same(const seg_config_consumer *a, const seg_config_consumer *b)
{
	if (a->output_count != b->output_count)
		return false;
	for (size_t i = 0; i < a->output_count; i++)
		if (strcmp(a->outputs[i].name, b->outputs[i].name) != 0 ||
		    a->outputs[i].register_stream != b->outputs[i].register_stream ||
		    !same_shape(&a->outputs[i].shape, &b->outputs[i].shape))
			return false;
	return true;
}

void seg_config_output_free(seg_config_consumer *consumer)
{
	for (size_t i = 0; i < consumer->output_count; i++)
		free(consumer->outputs[i].name);
	free(consumer->outputs);
	free(consumer->output_names);
}
