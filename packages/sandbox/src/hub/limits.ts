/** The hub's limits on a query's shape: how deep, and how many root fields. */
import {
  GraphQLError,
  Kind,
  type DocumentNode,
  type FragmentDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

const DEPTH_MAX = 5;
const ROOT_FIELDS_MAX = 5;

/** What the hub says about a query that is too deep; null for one that is not. */
export function depthError(document: DocumentNode): GraphQLError | null {
  const fragments = fragmentsOf(document);
  for (const operation of document.definitions) {
    if (operation.kind !== Kind.OPERATION_DEFINITION) continue;
    const tooDeep = firstBelow(operation.selectionSet, 0, fragments);
    if (tooDeep) {
      const message = `'${operation.name?.value ?? ''}' exceeds maximum operation depth of ${DEPTH_MAX}`;
      return new GraphQLError(message, { nodes: [tooDeep] });
    }
  }
  return null;
}

/** What the hub says about too many root fields; its quote is open in the original too. */
export function rootFieldsError(document: DocumentNode): GraphQLError | null {
  for (const operation of document.definitions) {
    if (operation.kind !== Kind.OPERATION_DEFINITION) continue;
    if (operation.selectionSet.selections.length > ROOT_FIELDS_MAX) {
      return new GraphQLError(`' exceeds the maximum number of root selections: ${ROOT_FIELDS_MAX}`);
    }
  }
  return null;
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

function fragmentsOf(document: DocumentNode): Fragments {
  const fragments = document.definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
  return new Map(fragments.map((node) => [node.name.value, node]));
}

/** Fragments count as what they spread; a cycle among them ends at the limit. */
function firstBelow(set: SelectionSetNode, depth: number, fragments: Fragments): SelectionNode | null {
  for (const node of set.selections) {
    if (depth > DEPTH_MAX) return node;
    let found: SelectionNode | null = null;
    if (node.kind === Kind.FIELD) {
      if (node.selectionSet && !node.name.value.startsWith('__'))
        found = firstBelow(node.selectionSet, depth + 1, fragments);
    } else if (node.kind === Kind.INLINE_FRAGMENT) found = firstBelow(node.selectionSet, depth, fragments);
    else {
      const fragment = fragments.get(node.name.value);
      if (fragment) found = firstBelow(fragment.selectionSet, depth, fragments);
    }
    if (found) return found;
  }
  return null;
}
