// The icons: strokes on a grid of 24, in the colour of the text.
const paths = {
  plus: 'M12 5v14M5 12h14',
  menu: 'M4 7h16M4 12h16M4 17h16',
  up: 'M12 19V6M6 11.500l6-6 6 6',
  stop: 'M7 7h10v10H7z',
  copy: 'M9 9h10v11H9zM15 9V4H5v11h4',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  pencil: 'M4 20l1-4L16.500 4.500l3 3L8 19zM14 7l3 3',
  again: 'M19 12a7 7 0 1 1-2.100-5M19 3.500V8h-4.500',
  onward: 'M5 6l7 6-7 6zM13 6l6 6-6 6z',
  left: 'M14.500 6l-6 6 6 6',
  right: 'M9.500 6l6 6-6 6',
  bin: 'M5 7h14M10 7V4.500h4V7M7 7l1 13h8l1-13M10.500 11v5.500M13.500 11v5.500',
  sliders: 'M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4M4 12h3',
  close: 'M6 6l12 12M18 6L6 18',
  clip: 'M19 11.500l-7.300 7.300a4.600 4.600 0 0 1-6.500-6.500l7.700-7.700a3 3 0 0 1 4.300 4.300l-7.600 7.600a1.500 1.500 0 0 1-2.200-2.200l7-6.900',
  search: 'M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM15.500 15.500L20 20',
  chat: 'M5 5h14v11h-8l-4 3.500V16H5z',
  box: 'M12 3.500l8 4.300v8.400l-8 4.300-8-4.300V7.800zM4 7.800l8 4.200 8-4.200M12 12v8.500',
  pulse: 'M3 12h4l3-7 4 14 3-7h4',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.500V5M12 19v2.500M2.500 12H5M19 12h2.500M5.300 5.300L7 7M17 17l1.700 1.700M18.700 5.300L17 7M7 17l-1.700 1.700',
  moon: 'M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10z',
  half: 'M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 4v16M12 8l5 0M12 12h8M12 16h5',
  down: 'M12 4v11M7 10.500l5 5 5-5M5 20h14',
  upload: 'M12 15V4M7 8.500l5-5 5 5M5 20h14',
  bars: 'M5 20v-6M10 20V8M15 20v-9M20 20V4',
  eye: 'M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z',
  tool: 'M14 6.500a4 4 0 0 1 5.500-1l-2.700 2.700.5 2 2 .5L22 8a4 4 0 0 1-5.500 5L8 21.500 4.500 18 13 9.500a4 4 0 0 1 1-3z',
  thought: 'M12 4a6 6 0 0 0-3.500 10.900V17h7v-2.100A6 6 0 0 0 12 4zM9.500 20.500h5',
};

export type IconName = keyof typeof paths;

export const Icon = ({ name }: { name: IconName }) => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d={paths[name]} />
  </svg>
);
